-- How a session begins, and how sessions of this process are ended.

-- Sent before any other statement, since another role may have put objects into other schemas. The
-- statement itself looks up no name.
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
