-- Who may see what.

-- The roles of a login which say so, but none that it might only become: the console's own login is
-- no person.
-- name: roles
select r.rolname
from pg_roles as r
inner join pg_roles as l on l.rolname = %(name)s and l.rolcanlogin
where
    r.rolname = any (%(roles)s)
    and coalesce(l.rolvaliduntil, 'infinity') > clock_timestamp()
    and pg_has_role(l.oid, r.oid, 'usage')
