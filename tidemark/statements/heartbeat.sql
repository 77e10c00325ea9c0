-- What a second connection asks about the sessions of this process.

-- Of another login's sessions PostgreSQL tells no more than that they are there.
-- name: sessions
select pid, coalesce(state, 'unknown'), wait_event_type, state_change::text
from pg_stat_activity
where pid = any(%(pids)s)

-- name: end
select pg_terminate_backend(pid)
from pg_stat_activity
where pid = any(%(pids)s) and application_name like 'tidemark %%'

-- name: cancel
select pg_cancel_backend(pid)
from pg_stat_activity
where pid = any(%(pids)s) and state not like 'idle%%'
