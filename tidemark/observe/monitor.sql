-- What the journal says of an area's last batches.

-- name: last_ended
select
    b.batch_id,
    b.status,
    b.error_message
from etl_batches as b
where b.area = %(area)s and b.status <> 'RUNNING'
order by b.batch_id desc
limit 1

-- Counted from the last success, or from the first attempt where none has succeeded yet.
-- name: seconds_without_success
select
    extract(
        epoch from clock_timestamp()
        - coalesce(max(b.ended_at) filter (where b.status = 'SUCCESS'), min(b.started_at))
    )::float8
from etl_batches as b
where b.area = %(area)s

-- A hop that was run again has several log rows, of which the last counts. The status WARNING may
-- mean that all rows were rejected.
-- name: rejected
select distinct on (l.entity)
    l.entity,
    l.rows_processed,
    coalesce((l.additional_info ->> 'rejected')::bigint, 0),
    l.status = 'WARNING'
from etl_logs as l
where
    l.batch_id = %(batch_id)s
    and l.hop = 'stage'
    and l.entity is not null
    and l.status in ('SUCCESS', 'WARNING')
    and l.rows_processed > 0
order by l.entity, l.log_id desc
