-- How a session begins, and how those of this process end.

-- Before any name is looked up, and without looking one up.
-- name: trust_nobody
set session search_path = pg_catalog, pg_temp

-- name: end
select pg_terminate_backend(pid)
from pg_stat_activity
where pid = any(%(pids)s) and application_name like 'tidemark %%'

-- name: cancel
select pg_cancel_backend(pid)
from pg_stat_activity
where pid = any(%(pids)s) and state not like 'idle%%'
