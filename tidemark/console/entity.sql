-- Tables of an entity in one layer, as the catalog shows them. It is readable to all.

-- Sizes count indexes and partitions; rows are the planner's estimate, null before the first ANALYZE.
-- name: tables
select
    n.nspname,
    c.relname,
    p.rows,
    p.bytes,
    obj_description(c.oid, 'pg_class') as about,
    (
        select
            json_agg(
                json_build_array(
                    a.attname,
                    format_type(a.atttypid, a.atttypmod),
                    col_description(c.oid, a.attnum),
                    case
                        when a.attidentity <> '' then 'it counts up'
                        else pg_get_expr(d.adbin, d.adrelid)
                    end
                ) order by a.attnum
            )
        from pg_attribute as a
        left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality
as wanted (schema_name, table_name, position)
inner join pg_namespace as n on wanted.schema_name = n.nspname
inner join pg_class as c on n.oid = c.relnamespace and wanted.table_name = c.relname
cross join lateral (
    select
        sum(l.reltuples) filter (where l.relkind <> 'p' and l.reltuples >= 0)::bigint as rows,
        sum(pg_total_relation_size(l.oid))::bigint as bytes
    from pg_class as l
    where
        l.oid = c.oid
        or l.oid in (
            select t.relid
            from pg_partition_tree(c.oid) as t
            where t.isleaf
        )
) as p
order by wanted.position
