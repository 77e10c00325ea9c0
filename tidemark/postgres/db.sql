-- What a session is told.

-- name: become
set session role {role}

-- The last of the roles is taken without a look, so that the server says what is missing.
-- name: become_first
select
    pg_catalog.set_config(
        'role',
        coalesce(
            (
                select r.rolname::text
                from unnest({roles}::text[]) with ordinality as w (name, place)
                inner join pg_catalog.pg_roles as r on r.rolname operator(pg_catalog.=) w.name
                where pg_catalog.pg_has_role(session_user, r.oid, 'set')
                order by w.place
                limit 1
            ),
            {last}
        ),
        false
    )
