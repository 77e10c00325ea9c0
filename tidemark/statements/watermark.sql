-- Safe upper bounds and extraction marks.

-- statement_timestamp() is read before the sessions are: a transaction that starts in between
-- stamps its rows later than it.
-- name: activity
select
    statement_timestamp(),
    pg_is_in_recovery(),
    pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
    (
        select count(*)
        from pg_stat_activity as a
        where a.datname = current_database() and a.state = 'disabled'
    ),
    oldest.xact_start,
    oldest.pid,
    oldest.usename::text,
    oldest.application_name,
    extract(epoch from statement_timestamp() - oldest.xact_start)::float8
from (values (1)) as one (row)
left join lateral (
    select
        a.xact_start,
        a.pid,
        a.usename,
        a.application_name
    from pg_stat_activity as a
    where
        a.datname = current_database()
        and a.pid <> pg_backend_pid()
        and a.backend_type not in ('autovacuum worker', 'walsender')
        and a.xact_start is not null
    order by a.xact_start
    limit 1
) as oldest on true

-- A transaction that is being prepared leaves the sessions after it has entered this view, so the
-- sessions are read first, in a statement of their own.
-- name: prepared_transactions
select count(*)
from pg_prepared_xacts as p
where p.database = current_database()

-- name: marks
select
    entity,
    high_water_mark
from tidemark.extraction_mark
where area = %(area)s

-- name: advance
insert into tidemark.extraction_mark (area, entity, high_water_mark, batch_id)
values (%(area)s, %(entity)s, %(high)s, %(batch_id)s)
on conflict (area, entity) do update
set
    high_water_mark = greatest(extraction_mark.high_water_mark, excluded.high_water_mark),
    batch_id = excluded.batch_id,
    moved_at = clock_timestamp()

-- name: outside_of_windows
select
    count(*) filter (where {watermark} is null),
    count(*) filter (where {watermark} is not null)
from {source}
where {watermark} is null or {watermark} >= {end}

-- name: has_rows
select exists (
    select
    from {source}
    where {condition}
)

-- name: in_window
{watermark} >= {low} and {watermark} < {high}

-- name: before
{watermark} < {high}
