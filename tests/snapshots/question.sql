-- both
select
    (select json_agg(f) from (select
    (select json_agg(f) from (select
    wanted.position::int as position,
    (
        select json_agg(
            json_build_array(
                a.attname,
                case
                    when
                        t.typnamespace <> 'pg_catalog'::regnamespace and pg_type_is_visible(t.oid)
                        then t.typnamespace::regnamespace || '.'
                    else ''
                end || format_type(a.atttypid, a.atttypmod),
                a.attnotnull,
                a.atthasdef or a.attidentity <> '',
                case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
                coalesce(
                    (
                        select a.attnum = any (p.partattrs::int2[])
                        from pg_partitioned_table as p
                        where p.partrelid = c.oid
                    ),
                    false
                )
            ) order by a.attnum
        )
        from pg_attribute as a
        inner join pg_type as t on a.atttypid = t.oid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    (
        select json_agg(
            (
                select json_agg(a.attname)
                from pg_attribute as a
                where
                    a.attrelid = c.oid
                    and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])
            )
        )
        from pg_index as i
        where
            i.indrelid = c.oid
            and i.indisunique
            and i.indisvalid
            and i.indpred is null
            and i.indexprs is null
    ) as uniques,
    c.reltuples::float8 as estimate,
    c.relnatts::int as slots
from unnest(:schemas::text[], :tables::text[]) with ordinality
as wanted (schema_name, table_name, position)
inner join pg_namespace as n on n.nspname = wanted.schema_name
inner join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.table_name
where c.relkind in ('r', 'p', 'v', 'm', 'f')) as f) as first,
    (select json_agg(s) from (select
    t.relname,
    n.nspname,
    k.conname,
    k.condeferrable,
    k.confdeltype = 'a' as only_checks,
    regexp_replace(
        pg_get_constraintdef(k.oid),
        ' ON DELETE (CASCADE|RESTRICT|SET (NULL|DEFAULT)( \([^)]*\))?)| (NOT )?DEFERRABLE( INITIALLY DEFERRED)?',
        '',
        'g'
    ) as definition
from pg_constraint as k
inner join pg_class as t on k.conrelid = t.oid
inner join pg_namespace as n on t.relnamespace = n.oid
inner join pg_class as d on k.confrelid = d.oid
inner join pg_namespace as dn on d.relnamespace = dn.oid
where
    k.contype = 'f'
    and k.conparentid = 0
    and (
        t.relname = any (:facts) and n.nspname = :schema
        or d.relname = any (:dimensions) and dn.nspname = :schema
    )
order by n.nspname, t.relname, k.conname) as s) as second) as f) as first,
    (select json_agg(s) from (select
    (select json_agg(f) from (select
    m.entity,
    m.table_name,
    m.batch_id,
    f.shape
from high_water_mark as m
left join tidemark.published_fact as f on m.table_name = f.table_name
where m.area = :area) as f) as first,
    (select json_agg(s) from (select
    dimension,
    column_name,
    since_batch
from tidemark.added_column
where dimension = any (:dimensions)) as s) as second) as s) as second;
