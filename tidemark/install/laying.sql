-- What workers have to know of a DWH before its tables are distributed.

-- The statements by which Citus makes schemas on workers that it does not know, such as those of
-- before the extension. It would make them by itself, but as tidemark_etl, which may not.
-- name: unknown
with unknown as (
    select
        n.nspname,
        n.nspowner,
        n.nspacl
    from pg_namespace as n
    where
        n.nspname = any (%(schemas)s::text[])
        and not exists (
            select
            from pg_dist_object as o
            where o.classid = 'pg_namespace'::regclass and o.objid = n.oid
        )
),

statements as (
    select
        1 as place,
        format(
            'create schema if not exists %%I authorization %%I', u.nspname, u.nspowner::regrole
        ) as statement
    from unknown as u
    union all
    select
        2,
        format('grant %%s on schema %%I to %%I', a.privilege_type, u.nspname, a.grantee::regrole)
    from unknown as u
    cross join lateral aclexplode(u.nspacl) as a
    where
        a.grantee in (
            to_regrole('tidemark_etl'),
            to_regrole('tidemark_analyst'),
            to_regrole('tidemark_monitor')
        )
)

select s.statement
from statements as s
order by s.place, s.statement
