-- The state of a warehouse.

-- name: marks
select
    m.table_name,
    m.high_water_mark,
    m.batch_id,
    m.last_updated
from high_water_mark as m
where m.area = %(area)s
order by m.table_name

-- name: aggregates
select
    p.table_name,
    p.batch_id,
    p.computed_at
from tidemark.published_aggregate as p
where p.area = %(area)s

-- name: batches
select
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from b.ended_at - b.started_at)::float8,
    coalesce(
        sum(l.rows_processed) filter (where l.hop = 'extract' and l.entity is not null), 0
    )::bigint,
    max((l.additional_info ->> 'snapshot_seconds')::float8),
    b.error_message
from etl_batches as b
left join etl_logs as l on b.batch_id = l.batch_id
where b.area = %(area)s
group by b.batch_id
order by b.batch_id desc
limit %(limit)s

-- name: count
select count(*) from {table}

-- name: count_current
select count(*)
from {table}
where _deleted_at is null

-- name: count_rejects
select
    entity,
    count(*)
from stg_rejects
where area = %(area)s and resolved_at is null
group by entity

-- name: files
select
    f.entity,
    count(*) filter (where f.status = 'taken')::bigint as taken,
    count(*) filter (where f.status = 'set_aside')::bigint as set_aside,
    max(f.path) filter (where f.place = 1),
    max(f.modified) filter (where f.place = 1),
    extract(epoch from clock_timestamp() - max(f.modified) filter (where f.place = 1))::float8
from (
    select
        entity,
        path,
        status,
        modified,
        row_number()
            over (partition by entity order by status = 'taken' desc, batch_id desc, place desc)
            as place
    from tidemark.file
    where area = %(area)s
) as f
group by f.entity
order by f.entity
