-- The login of a session.

-- name: current
select
    quote_ident(session_user),
    quote_ident(pg_get_userbyid(d.datdba)),
    l.rolsuper,
    l.rolsuper
    or pg_has_role(l.oid, d.datdba, 'usage')
    and (
        l.rolcreaterole
        or (
            select count(*)
            from pg_roles as r
            where r.rolname ~ '^tidemark_(etl|analyst|monitor)$'
        ) = 3
    ),
    exists (
        select
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'tidemark' and c.relname = 'migration'
    )
from pg_database as d
inner join pg_roles as l on l.rolname = session_user
where d.datname = current_database()
