-- The console as a whole.

-- name: own_login
select
    session_user::text as name,
    pg_has_role(session_user, %(role)s, 'set') as is_member,
    pg_has_role(session_user, %(etl)s, 'member') as is_etl
