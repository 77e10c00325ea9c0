-- What a second connection asks about the sessions of this process.

-- Of the sessions of another login, PostgreSQL tells only that they exist: their state is null.
-- name: sessions
select
    pid,
    coalesce(state, 'unknown'),
    wait_event_type,
    state_change::text
from pg_stat_activity
where pid = any(%(pids)s)

-- name: in_the_way
select
    a.pid,
    a.usename::text,
    a.application_name,
    extract(epoch from clock_timestamp() - a.xact_start)::float8
from unnest(pg_blocking_pids(%(pid)s)) as b (pid)
inner join pg_stat_activity as a on b.pid = a.pid
