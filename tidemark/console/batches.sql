-- The batches of an area.

-- The newest first.
-- name: page
select
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from b.ended_at - b.started_at)::float8 as seconds,
    l.rows_extracted,
    b.error_message
from (
    select
        e.batch_id,
        e.status,
        e.started_at,
        e.ended_at,
        e.error_message
    from etl_batches as e
    where
        e.area between %(area)s and %(area)s
        and e.batch_id < %(before)s
    order by e.area, e.batch_id desc
    limit %(limit)s
) as b
cross join lateral (
    select sum(o.rows_processed) filter (where o.entity is not null)::bigint as rows_extracted
    from etl_logs as o
    where o.batch_id = b.batch_id and o.hop = 'extract'
) as l
order by b.batch_id desc

-- The same, of those with one status.
-- name: page_of_status
select
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from b.ended_at - b.started_at)::float8 as seconds,
    l.rows_extracted,
    b.error_message
from (
    select
        e.batch_id,
        e.status,
        e.started_at,
        e.ended_at,
        e.error_message
    from etl_batches as e
    where
        (e.area, e.status, e.batch_id) < (%(area)s, %(status)s, %(before)s)
        and (e.area, e.status) >= (%(area)s, %(status)s)
    order by e.area desc, e.status desc, e.batch_id desc
    limit %(limit)s
) as b
cross join lateral (
    select sum(o.rows_processed) filter (where o.entity is not null)::bigint as rows_extracted
    from etl_logs as o
    where o.batch_id = b.batch_id and o.hop = 'extract'
) as l
order by b.batch_id desc
