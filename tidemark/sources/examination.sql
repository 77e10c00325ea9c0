-- What a login may read of a PostgreSQL source.

-- name: table
select
    has_schema_privilege(n.oid, 'usage'),
    has_table_privilege(c.oid, 'select'),
    c.relkind::text,
    exists (
        select
        from pg_index as i
        inner join pg_attribute as a on i.indrelid = a.attrelid and a.attnum = i.indkey[0]
        where i.indrelid = c.oid and a.attname = %(watermark)s and i.indisvalid
    ),
    (
        select quote_ident(o.rolname)
        from pg_roles as o
        where c.relowner = o.oid and not o.rolsuper
    )
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %(schema)s and c.relname = %(table)s

-- name: prepared
select quote_literal(p.gid)
from pg_prepared_xacts as p
where p.database = current_database()
order by p.prepared, p.gid
