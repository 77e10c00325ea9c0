-- Bring mirrors that an older Tidemark made up to date, whichever file made them. `track_versions`
-- does it for one.
--
-- reads    the catalog
-- writes   tables with lineage columns and a primary key that have a history
-- raises   whatever the DDL raises
-- repeat   safe
create or replace function tidemark.track_mirrors()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pair record;
begin
    for v_pair in
        with kept as (
            select
                c.oid,
                c.relnamespace,
                c.relname,
                bool_or(a.attname = '_seq' and a.attnum = any (k.indkey)) as is_history
            from pg_class as c
            inner join pg_attribute as a on c.oid = a.attrelid
            inner join pg_index as k on c.oid = k.indrelid and k.indisprimary
            where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            group by c.oid
            having
                array_agg(a.attname::text)
                @> array['_batch_id', '_seq', '_first_batch_id', '_extracted_at', '_deleted_at']
        )

        select
            m.oid::regclass as mirror,
            h.oid::regclass as history
        from kept as m
        inner join kept as h
            on m.relnamespace = h.relnamespace and m.relname || '_history' = h.relname
        where h.is_history and not m.is_history
        order by 1
    loop
        perform tidemark.track_versions(v_pair.mirror, v_pair.history);
    end loop;
end;
$$;
