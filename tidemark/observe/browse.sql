-- What a person looks at in a layer. These are asked as questions are (`query`), with another search
-- path: so built-in names have their schema.

-- Tables and views that the role may read, those of `public` first. Partitions are left out.
-- name: tables
select
    n.nspname,
    c.relname,
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
        else 'table'
    end as kind,
    case when c.relkind <> 'v' and c.reltuples >= 0 then c.reltuples::bigint end as rows
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not c.relispartition
    and n.nspname !~ '^(pg_|information_schema$)'
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and pg_catalog.has_table_privilege(c.oid, 'select')
order by n.nspname <> 'public', n.nspname, c.relname

-- Columns of a table, and the place of each in its primary key, from 1.
-- name: columns
select
    a.attname,
    pg_catalog.array_position(k.conkey, a.attnum) as place
from pg_catalog.pg_attribute as a
left join pg_catalog.pg_constraint as k on a.attrelid = k.conrelid and k.contype = 'p'
where
    a.attrelid = {table}::pg_catalog.regclass
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum

-- name: page
select {t.columns}
from {table} as t
where (
{condition}
)
{order}
limit {rows} offset {skipped}

-- name: in_order
order by {t.key}

-- name: equals
{column} = {value}

-- name: is_null
{column} is null
