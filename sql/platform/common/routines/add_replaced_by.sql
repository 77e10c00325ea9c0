-- Give a history the column _replaced_by: the batch that wrote the version after this one, or its
-- own where that is later. Versions that are here already get it from those that follow them.
-- Others may have gone unnoticed: so what batches until now replaced counts as lost.
--
-- reads    the mirror, whose row is the version after the last one of its key; applied_batch
-- writes   the history; history_lost, if the mirror has rows
-- raises   duplicate_column: it has the column
-- repeat   not safe: `track_versions` calls it once
create or replace function tidemark.add_replaced_by(p_mirror regclass, p_history regclass)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key constant text[] := array(
        select quote_ident(a.attname)
        from pg_index as i
        cross join unnest(i.indkey::smallint[]) with ordinality as c (number, position)
        inner join pg_attribute as a on i.indrelid = a.attrelid and c.number = a.attnum
        where i.indrelid = p_mirror and i.indisprimary
        order by c.position
    );
    v_is_older boolean;
begin
    execute format('alter table %s add column _replaced_by bigint', p_history);
    execute format(
        'update %1$s as h
        set _replaced_by = greatest(h._batch_id, v.following)
        from (
            select
                o.ctid as place,
                coalesce(
                    lead(o._batch_id) over (partition by %3$s order by o._batch_id, o._seq),
                    m._batch_id
                ) as following
            from %1$s as o
            left join %2$s as m on (%4$s) = (%3$s)
        ) as v
        where h.ctid = v.place',
        p_history,
        p_mirror,
        (select string_agg('o.' || k, ', ') from unnest(v_key) as k),
        (select string_agg('m.' || k, ', ') from unnest(v_key) as k)
    );
    execute format(
        'alter table %s
            alter column _replaced_by set not null,
            add constraint %I check (_replaced_by >= _batch_id)',
        p_history,
        (select c.relname || '_replaced_by_no_earlier_batch' from pg_class as c where c.oid = p_history)
    );
    execute format(
        'comment on column %s._replaced_by is %L',
        p_history,
        'Batch that wrote the version after this one.'
    );
    execute format('select exists (select from %s)', p_mirror) into v_is_older;
    if v_is_older then
        insert into tidemark.history_lost (batch_id)
        select max(b.batch_id)
        from tidemark.applied_batch as b
        having max(b.batch_id) is not null
        on conflict (is_only) do update
        set batch_id = excluded.batch_id, noted_at = excluded.noted_at;
    end if;
end;
$$;
