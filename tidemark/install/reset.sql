-- What an area has in a layer, and how it goes.

-- Relations, routines and types of these names, partitions of these tables, and work tables.
-- name: found
with named as (
    select
        u.kind,
        u.schema_name,
        u.name
    from unnest(%(kinds)s::text[], %(schemas)s::text[], %(names)s::text[])
    as u (kind, schema_name, name)
)

select
    'pg_class' as catalog,
    c.oid::bigint as id,
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'S' then 'sequence'
        when 'f' then 'foreign table'
        else 'table'
    end as word,
    format('%%I.%%I', n.nspname, c.relname) as name,
    pg_get_userbyid(c.relowner)::text as owner
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and not c.relispartition
    -- The sequence of an identity goes with its table.
    and not (c.relkind = 'S' and exists (
        select
        from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i'
    ))
    and (
        ('relation', n.nspname, c.relname) in (
            select
                k.kind,
                k.schema_name,
                k.name
            from named as k
        )
        or n.nspname = %(landing)s
        and strpos(c.relname, '.') > 0
        and split_part(c.relname, '.', 1) = any(%(prefixes)s::text[])
    )
union all
select
    'pg_proc',
    p.oid::bigint,
    'routine',
    format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    pg_get_userbyid(p.proowner)::text
from pg_proc as p
inner join pg_namespace as n on p.pronamespace = n.oid
where
    ('routine', n.nspname, p.proname) in (
        select
            k.kind,
            k.schema_name,
            k.name
        from named as k
    )
union all
select
    'pg_type',
    t.oid::bigint,
    case t.typtype when 'd' then 'domain' else 'type' end,
    format('%%I.%%I', n.nspname, t.typname),
    pg_get_userbyid(t.typowner)::text
from pg_type as t
inner join pg_namespace as n on t.typnamespace = n.oid
where
    ('type', n.nspname, t.typname) in (
        select
            k.kind,
            k.schema_name,
            k.name
        from named as k
    )
order by 3, 4

-- Others' objects that depend on these: they would have to go as well.
-- name: depending
with recursive own as (
    select
        u.catalog::regclass::oid as classid,
        u.id::oid as objid
    from unnest(%(catalogs)s::text[], %(ids)s::bigint[]) as u (catalog, id)
),

reached as (
    select
        o.classid,
        o.objid,
        true as belongs
    from own as o
    union
    select
        x.classid,
        x.objid,
        x.belongs or exists (
            select
            from own as o
            where o.classid = x.classid and o.objid = x.objid
        )
    from reached as r
    inner join pg_depend as d on r.classid = d.refclassid and r.objid = d.refobjid
    left join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    left join pg_constraint as k on d.classid = 'pg_constraint'::regclass and d.objid = k.oid
    left join pg_attrdef as a on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid
    left join pg_trigger as g on d.classid = 'pg_trigger'::regclass and d.objid = g.oid
    left join pg_policy as y on d.classid = 'pg_policy'::regclass and d.objid = y.oid
    cross join lateral (
        select
            coalesce(w.ev_class, nullif(k.conrelid, 0), a.adrelid, g.tgrelid, y.polrelid)
            as table_id
    ) as t
    cross join lateral (
        select
            coalesce(case when t.table_id is not null then 'pg_class'::regclass::oid end, d.classid)
            as classid,
            coalesce(t.table_id, d.objid) as objid,
            t.table_id is null and d.deptype in ('a', 'i', 'P', 'S') as belongs
    ) as x
    where r.belongs and (x.classid, x.objid) is distinct from (r.classid, r.objid)
)

select distinct pg_describe_object(r.classid, r.objid, 0) as what
from reached as r
where
    not r.belongs
    and not exists (
        select
        from reached as o
        where o.classid = r.classid and o.objid = r.objid and o.belongs
    )
order by 1

-- name: lock
lock table {table} in access exclusive mode

-- name: drop
drop {word} if exists {name} cascade

-- name: forget
delete from {table}
where {column} = any(%(values)s)

-- The next batch takes all events again.
-- name: give_back
update tidemark.inbox
set batch_id = null
where area = %(area)s and batch_id is not null

-- name: forget_files
delete from tidemark.migration
where starts_with(path, %(folder)s)
