-- What the catalog says of tables.

-- A type that is not built in is spelled with its schema, as the search path does not ask for.
-- name: tables
select
    wanted.position::int,
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
                a.atthasdef or a.attidentity <> ''
            ) order by a.attnum
        )
        from pg_attribute as a
        inner join pg_type as t on a.atttypid = t.oid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ),
    (
        select json_agg(
            (
                select json_agg(a.attname)
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])
            )
        )
        from pg_index as i
        where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indexprs is null
    ),
    c.reltuples::float8
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality
as wanted (schema_name, table_name, position)
inner join pg_namespace as n on n.nspname = wanted.schema_name
inner join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.table_name
where c.relkind in ('r', 'p', 'v', 'm', 'f')
