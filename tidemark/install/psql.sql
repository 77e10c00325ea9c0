-- What `tidemark psql` asks the server before psql replaces it.

-- name: may_become
select
    pg_has_role(session_user, r.oid, 'set') as may,
    quote_ident(session_user) as login
from pg_roles as r
where r.rolname = %(role)s
