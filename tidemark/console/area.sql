-- What the last batches of an area have moved.

-- Per hop, and per entity of which it moved something: rows of the last batch, and the last of the
-- latest batches that changed something. A hop without an entity says that it has ended.
-- name: moved
with latest as (
    select
        b.batch_id,
        b.started_at
    from etl_batches as b
    where b.area = %(area)s
    order by b.batch_id desc
    limit %(batches)s
),

logged as (
    select
        l.entity,
        l.hop,
        l.batch_id,
        l.end_time,
        l.rows_processed,
        l.batch_id = (select max(e.batch_id) from latest as e) as is_last
    from etl_logs as l
    where
        l.area = %(area)s
        and l.start_time >= (select min(e.started_at) from latest as e)
        and l.batch_id in (select e.batch_id from latest as e)
        and l.hop is not null
        and l.end_time is not null
)

select
    l.entity,
    l.hop,
    bool_or(l.is_last) as is_of_last,
    (sum(l.rows_processed) filter (where l.is_last))::bigint as rows,
    max(l.batch_id) filter (where l.rows_processed > 0) as changed_in,
    max(l.end_time) filter (where l.rows_processed > 0) as changed_at
from logged as l
group by l.entity, l.hop

-- name: last_batch
select
    b.batch_id,
    b.status,
    b.started_at
from etl_batches as b
where b.area = %(area)s
order by b.batch_id desc
limit 1
