-- What the warehouse says of itself.

-- name: marks
select
    m.table_name,
    m.high_water_mark,
    m.batch_id,
    m.last_updated
from high_water_mark as m
where m.area = %(area)s
order by m.table_name

-- name: batches
select
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from b.ended_at - b.started_at)::float8,
    coalesce(sum(l.rows_processed) filter (where l.hop = 'extract'), 0)::bigint,
    b.error_message
from etl_batches as b
left join etl_logs as l on b.batch_id = l.batch_id
where b.area = %(area)s
group by b.batch_id
order by b.batch_id desc
limit %(limit)s

-- name: hops
select
    l.batch_id,
    l.hop,
    l.entity,
    l.rows_processed,
    l.rows_inserted,
    l.rows_updated,
    l.rows_deleted,
    coalesce((l.additional_info ->> 'rejected')::bigint, 0),
    coalesce((l.additional_info ->> 'stream_seconds')::float8, 0)
    + coalesce((l.additional_info ->> 'apply_seconds')::float8, 0)
from etl_logs as l
where l.area = %(area)s and l.batch_id = any (%(batches)s) and l.status = 'SUCCESS'
order by l.log_id

-- name: count
select count(*) from {table}

-- name: count_current
select count(*) from {table} where _deleted_at is null

-- name: count_rejects
select
    entity,
    count(*)
from stg_rejects
where area = %(area)s and resolved_at is null
group by entity
