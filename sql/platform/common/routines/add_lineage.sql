-- Give tables that an older Tidemark made the lineage columns that came since: mirrors, their
-- histories with their keys, landing tables, dimensions and their confirmations, whichever file
-- made them. `migrate` calls it before it makes views. A column with a constant default is there
-- at once however large the table is; the key of a history is an index that is built again.
-- What else mirrors have by now, `track_mirrors` adds.
--
-- reads    the catalog
-- writes   tables with the lineage columns of before, or the validity columns of a dimension
-- raises   whatever the DDL raises
-- repeat   safe: what has the columns stays as it is
create or replace function tidemark.add_lineage()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_mirrored constant text[] := array[
        '_batch_id', '_first_batch_id', '_extracted_at', '_deleted_at'
    ];
    v_dimension constant text[] := array[
        'valid_from', 'valid_to', 'is_current', 'is_deleted', 'is_inferred', 'changed_at',
        '_batch_id'
    ];
    v_table record;
    v_key record;
begin
    for v_table in
        select
            t.name,
            case when t.is_filled then 'not null' else '' end as nulls
        from (
            select
                c.oid::regclass as name,
                c.relnamespace::regnamespace = 'tidemark'::regnamespace as is_ours,
                array_agg(a.attname::text) as columns,
                bool_or(a.attname = '_batch_id' and a.attnotnull) as is_filled
            from pg_class as c
            inner join pg_attribute as a on c.oid = a.attrelid
            where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            group by c.oid
        ) as t
        where
            not t.columns @> array['_seq']
            and (
                t.columns @> v_mirrored
                or t.columns @> v_dimension
                or t.is_ours and t.columns @> array['confirmed_at', '_batch_id']
            )
        order by t.name
    loop
        execute format(
            'alter table %s add column _seq bigint %s default 0', v_table.name, v_table.nulls
        );
    end loop;
    -- A version that was deleted used to have the batch of its delete.
    for v_table in
        select c.oid::regclass as name
        from pg_class as c
        inner join pg_attribute as a on c.oid = a.attrelid
        where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        group by c.oid
        having
            array_agg(a.attname::text) @> v_dimension
            and not array_agg(a.attname::text) @> array['_deleted_batch_id']
        order by 1
    loop
        execute format(
            'alter table %s add column _deleted_batch_id bigint, add column _deleted_seq bigint',
            v_table.name
        );
        execute format(
            'update %s set _deleted_batch_id = _batch_id, _deleted_seq = _seq where is_deleted',
            v_table.name
        );
    end loop;
    for v_key in
        select
            k.conrelid::regclass as history,
            k.conname as name,
            string_agg(quote_ident(a.attname), ', ' order by c.position) as columns
        from pg_constraint as k
        cross join unnest(k.conkey) with ordinality as c (number, position)
        inner join pg_attribute as a on k.conrelid = a.attrelid and c.number = a.attnum
        where k.contype = 'p'
        group by k.conrelid, k.conname
        having
            array_agg(a.attname::text) @> array['_batch_id']
            and not array_agg(a.attname::text) @> array['_seq']
            and (
                select array_agg(o.attname::text)
                from pg_attribute as o
                where o.attrelid = k.conrelid and not o.attisdropped
            ) @> (v_mirrored || array['_seq'])
    loop
        execute format(
            'alter table %s drop constraint %I, add constraint %I primary key (%s, _seq)',
            v_key.history, v_key.name, v_key.name, v_key.columns
        );
    end loop;
    perform tidemark.track_mirrors();
end;
$$;
