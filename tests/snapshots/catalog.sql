-- tables
select
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
where c.relkind in ('r', 'p', 'v', 'm', 'f');
