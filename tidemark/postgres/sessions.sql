-- What a session begins with.

-- A server that is too old for a setting has none to change. An engine's session has its own path:
-- `unnest` of several arrays is PostgreSQL's own syntax, and no function that is looked up by it.
-- name: pin
select pg_catalog.set_config(s.name, s.setting, false)
from unnest({names}, {settings}) as s (name, setting)
where pg_catalog.current_setting(s.name, true) is not null

-- With this a statement whose process was killed ends within a second, and frees its locks. Some
-- systems can't tell that a socket was closed, and servers before 14 do not check: there it goes on.
-- name: notice_closed_sockets
do $$
begin
    perform set_config(s.name, '1s', false)
    from (values ('client_connection_check_interval')) as s (name)
    where current_setting(s.name, true) is not null;
exception
    when invalid_parameter_value then null;
end;
$$

-- A pooler between this side and the server may have told another process id at the login.
-- name: pid
select pg_catalog.pg_backend_pid()

-- name: read_as
set local role {role};
select pg_catalog.set_config('statement_timeout', %(timeout)s, true)
