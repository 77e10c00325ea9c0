-- Where columns come from, as the catalog knows it. It is readable to all.

-- Views, and whatever they read, directly or through other views: columns, definition, and the
-- columns that PostgreSQL has noted that it reads; null in place of a column: the table as a whole.
-- name: behind
with recursive reached as (
    select c.oid
    from unnest(%(schemas)s::text[], %(views)s::text[]) as wanted (schema_name, view_name)
    inner join pg_namespace as n on wanted.schema_name = n.nspname
    inner join pg_class as c on n.oid = c.relnamespace and wanted.view_name = c.relname
    union
    select d.refobjid
    from reached as r
    inner join pg_rewrite as w on r.oid = w.ev_class
    inner join
        pg_depend as d
        on
            w.oid = d.objid
            and d.classid = 'pg_rewrite'::regclass
            and d.refclassid = 'pg_class'::regclass
            and w.ev_class <> d.refobjid
)

select
    n.nspname,
    c.relname,
    (
        select coalesce(json_agg(a.attname order by a.attnum), '[]'::json)
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid, true) end as definition,
    (
        select json_agg(distinct jsonb_build_array(s.nspname, t.relname, a.attname))
        from pg_rewrite as w
        inner join
            pg_depend as d
            on
                w.oid = d.objid
                and d.classid = 'pg_rewrite'::regclass
                and d.refclassid = 'pg_class'::regclass
                and w.ev_class <> d.refobjid
        inner join pg_class as t on d.refobjid = t.oid
        inner join pg_namespace as s on t.relnamespace = s.oid
        left join pg_attribute as a on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
        where w.ev_class = c.oid and t.relkind in ('r', 'p', 'v', 'm', 'f')
    ) as reads
from reached as r
inner join pg_class as c on r.oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f')
