-- What a source's catalog says of all its tables. Each statement is one round trip.

-- name: server
select
    session_user::text,
    pg_is_in_recovery(),
    pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
    (
        select s.reset_val
        from pg_settings as s
        where s.name = 'TimeZone'
    ),
    (
        select array_agg(k.word)
        from pg_get_keywords() as k
        where k.catcode <> 'U'
    )

-- Tables and views, but for those of PostgreSQL, of extensions, and of Tidemark. A trigger that moves
-- a time of change is called before each row that is updated: 19 are these bits of its type.
-- name: relations
select
    n.nspname::text,
    c.relname::text,
    c.relkind::text,
    c.reltuples::float8,
    has_schema_privilege(n.oid, 'usage'),
    has_table_privilege(c.oid, 'select'),
    row_security_active(c.oid),
    exists (
        select
        from pg_trigger as t
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 19 = 19
    ),
    parent.schema_name,
    parent.table_name
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
left join lateral (
    select
        s.nspname::text as schema_name,
        p.relname::text as table_name
    from pg_inherits as i
    inner join pg_class as p on i.inhparent = p.oid
    inner join pg_namespace as s on p.relnamespace = s.oid
    where i.inhrelid = c.oid
    order by i.inhseqno
    limit 1
) as parent on true
where
    c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', 'tidemark')
    and not exists (
        select
        from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by n.nspname, c.relname

-- Indexes of whole tables, the primary key first. An expression has no name in the columns.
-- name: indexes
select
    n.nspname::text,
    c.relname::text,
    i.indisunique,
    i.indisprimary,
    array(
        select a.attname::text
        from generate_series(0, i.indnkeyatts - 1) as k (place)
        left join pg_attribute as a on i.indrelid = a.attrelid and a.attnum = i.indkey[k.place]
        order by k.place
    )
from pg_index as i
inner join pg_class as c on i.indrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where i.indisvalid and i.indpred is null and n.nspname !~ '^pg_'
order by n.nspname, c.relname, i.indisprimary desc, i.indnkeyatts, i.indexrelid

-- name: references
select
    n.nspname::text,
    c.relname::text,
    tn.nspname::text,
    tc.relname::text,
    array(
        select a.attname::text
        from unnest(r.conkey) with ordinality as k (attnum, place)
        inner join pg_attribute as a on r.conrelid = a.attrelid and k.attnum = a.attnum
        order by k.place
    ),
    array(
        select a.attname::text
        from unnest(r.confkey) with ordinality as k (attnum, place)
        inner join pg_attribute as a on r.confrelid = a.attrelid and k.attnum = a.attnum
        order by k.place
    )
from pg_constraint as r
inner join pg_class as c on r.conrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_class as tc on r.confrelid = tc.oid
inner join pg_namespace as tn on tc.relnamespace = tn.oid
where r.contype = 'f'
order by n.nspname, c.relname, r.conkey, r.conname

-- The times that are null or infinite in one of a table's first rows.
-- name: lacking
select
    {place} as place,
    array_remove(
        array[{case when bool_or(columns is null or not isfinite(columns)) then 'columns' end}],
        null
    )::text[] as lacking
from (
    select {columns}
    from {table}
    limit {rows}
) as t

-- What the statistics know of nulls in tables of which only the first rows are looked at.
-- name: statistics
select
    s.schemaname::text,
    s.tablename::text,
    array_agg(s.attname::text)
from pg_stats as s
where s.null_frac > 0 and s.schemaname !~ '^pg_' and s.schemaname <> 'information_schema'
group by s.schemaname, s.tablename
