-- Let a mirror and its history tell what was written after a batch. A row that is new since then
-- has a later _first_batch_id. Of a row that has changed, the history names the batch that replaced
-- its version: _replaced_by. So no index of the mirror holds a column that an update changes, and
-- its pages have room for new versions: an update writes to no index (it is HOT).
--
-- reads    the catalog, and versions that an older Tidemark kept
-- writes   the two tables; history_lost, if there are such versions
-- raises   whatever the DDL raises
-- repeat   safe: what is there stays as it is
create or replace function tidemark.track_versions(p_mirror regclass, p_history regclass)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_index record;
begin
    if not exists (
        select from pg_attribute as a where a.attrelid = p_history and a.attname = '_replaced_by'
    ) then
        perform tidemark.add_replaced_by(p_mirror, p_history);
    end if;
    -- What older versions of Tidemark looked things up by.
    for v_index in
        select i.indexrelid::regclass as name
        from pg_index as i
        inner join pg_attribute as a on i.indrelid = a.attrelid and i.indkey[0] = a.attnum
        where
            i.indrelid in (p_mirror, p_history)
            and i.indnatts = 1 and a.attname = '_batch_id' and not i.indisunique
    loop
        execute format('drop index %s', v_index.name);
    end loop;
    for v_index in
        select
            w.relation,
            w.name
        from (values (p_mirror, '_first_batch_id'), (p_history, '_replaced_by')) as w (relation, name)
        where not exists (
            select
            from pg_index as i
            inner join pg_attribute as a on i.indrelid = a.attrelid and i.indkey[0] = a.attnum
            where i.indrelid = w.relation and a.attname = w.name and i.indpred is null
        )
    loop
        execute format('create index on %s (%I)', v_index.relation, v_index.name);
    end loop;
    if not exists (
        select
        from pg_class as c
        cross join pg_options_to_table(c.reloptions) as o
        where c.oid = p_mirror and o.option_name = 'fillfactor'
    ) then
        execute format('alter table %s set (fillfactor = 90)', p_mirror);
    end if;
    if not exists (
        select from pg_trigger as t
        where t.tgrelid = p_history and t.tgname = 'note_truncated_versions'
    ) then
        execute format(
            'create trigger note_deleted_versions
                after delete on %1$s referencing old table as gone
                for each statement execute function tidemark.note_lost_history();
            create trigger note_truncated_versions
                after truncate on %1$s
                for each statement execute function tidemark.note_lost_history()',
            p_history
        );
    end if;
end;
$$;
