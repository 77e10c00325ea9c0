-- One batch.

-- A batch, its neighbours in the area, and how long those before it took. `between` in place of `=`
-- makes it the index by area: of one by batch alone, all batches of other areas would be read.
-- name: batch
select
    b.area,
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from coalesce(b.ended_at, clock_timestamp()) - b.started_at)::float8 as seconds,
    b.error_message,
    b.failed_by,
    (
        select e.batch_id
        from etl_batches as e
        where e.area between b.area and b.area and e.batch_id < b.batch_id
        order by e.area, e.batch_id desc
        limit 1
    ) as previous,
    (
        select e.batch_id
        from etl_batches as e
        where e.area between b.area and b.area and e.batch_id > b.batch_id
        order by e.area desc, e.batch_id
        limit 1
    ) as next,
    u.median,
    u.batches,
    clock_timestamp() as now
from etl_batches as b
cross join lateral (
    select
        percentile_cont(0.5) within group (order by s.seconds) as median,
        count(*) as batches
    from (
        select extract(epoch from e.ended_at - e.started_at)::float8 as seconds
        from etl_batches as e
        where
            (e.area, e.status, e.batch_id) < (b.area, 'SUCCESS', b.batch_id)
            and (e.area, e.status) >= (b.area, 'SUCCESS')
        order by e.area desc, e.status desc, e.batch_id desc
        limit %(usual)s
    ) as s
) as u
where b.batch_id = %(batch_id)s

-- What the log has of a batch: hops, their entities, and what belongs to no hop, such as retention.
-- name: runs
select
    l.log_id,
    l.process_name,
    l.hop,
    l.entity,
    l.status,
    l.start_time,
    l.end_time,
    l.duration_seconds::float8,
    l.rows_processed,
    l.rows_inserted,
    l.rows_updated,
    l.rows_deleted,
    l.error_message,
    l.additional_info as info
from etl_logs as l
where l.batch_id = %(batch_id)s
order by l.start_time, l.hop, l.entity nulls first, l.log_id
limit %(most)s

-- What checks found in a batch; what is broken comes first.
-- name: checks
select
    c.check_name,
    c.entity,
    c.layer,
    c.severity,
    c.status,
    c.result_value,
    c.bound,
    c.message,
    c.accepted_by
from dq_check_logs as c
where c.area = %(area)s and c.batch_id = %(batch_id)s
order by c.status = 'PASSED', c.check_name, c.log_id
limit %(most)s
