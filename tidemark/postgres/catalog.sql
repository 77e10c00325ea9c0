-- Tables as the catalog has them.

-- A type that is not built in gets its schema in front, even if the search path would find it.
-- name: tables
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
                case
                    when t.typtype = 'd'
                        then
                            case
                                when
                                    b.typnamespace <> 'pg_catalog'::regnamespace
                                    and pg_type_is_visible(b.oid)
                                    then b.typnamespace::regnamespace || '.'
                                else ''
                            end || format_type(b.oid, t.typtypmod)
                end,
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
        left join pg_type as b on t.typbasetype = b.oid
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
    c.relnatts::int as slots,
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
        else 'table'
    end as kind
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality
as wanted (schema_name, table_name, position)
inner join pg_namespace as n on n.nspname = wanted.schema_name
inner join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.table_name
where c.relkind in ('r', 'p', 'v', 'm', 'f')

-- The types of a query's columns, spelled as those of tables; and whether PostgreSQL could store them.
-- name: types
select
    case
        when t.typnamespace <> 'pg_catalog'::regnamespace and pg_type_is_visible(t.oid)
            then t.typnamespace::regnamespace || '.'
        else ''
    end || format_type(t.oid, c.modifier) as spelled,
    t.typtype <> 'p' as is_storable
from unnest(%(types)s::oid[], %(modifiers)s::int[]) with ordinality as c (type, modifier, position)
inner join pg_type as t on c.type = t.oid
order by c.position

-- What this transaction has locked: the tables and views behind the query that it has run alone.
-- name: behind
select distinct l.relation::bigint as relation
from pg_locks as l
inner join pg_class as c on l.relation = c.oid
where
    l.pid = pg_backend_pid()
    and l.locktype = 'relation'
    and l.database <> 0
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relnamespace <> 'pg_catalog'::regnamespace
order by 1

-- name: nothing_of
select *
from {query}
limit 0

-- The views that read a table, in an order in which they can be dropped.
-- name: readers
with recursive reading as (
    select
        r.ev_class as view,
        d.refobjsubid as attnum,
        1 as depth
    from pg_depend as d
    inner join pg_rewrite as r on d.objid = r.oid
    where
        d.classid = 'pg_rewrite'::regclass
        and d.refclassid = 'pg_class'::regclass
        and d.refobjid = %(table)s::regclass
        and r.ev_class <> %(table)s::regclass
    union
    select
        r.ev_class,
        v.attnum,
        v.depth + 1
    from reading as v
    inner join pg_depend as d
        on
            v.view = d.refobjid
            and d.refclassid = 'pg_class'::regclass
            and d.classid = 'pg_rewrite'::regclass
    inner join pg_rewrite as r on d.objid = r.oid and r.ev_class <> v.view
)

select
    case v.relkind when 'm' then 'materialized view ' else 'view ' end
    || format('%%I.%%I', s.nspname, v.relname),
    array_agg(distinct a.attname::text),
    s.nspname,
    v.relname
from reading as r
inner join pg_class as v on r.view = v.oid
inner join pg_namespace as s on v.relnamespace = s.oid
inner join pg_attribute as a on a.attrelid = %(table)s::regclass and a.attnum = r.attnum
group by v.relkind, s.nspname, v.relname
order by max(r.depth) desc, 1

-- Other tables and views of a schema, without those that are parts of a table.
-- name: beside
select c.relname
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %(schema)s and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
