-- The state of a warehouse.

-- name: marks
select
    m.area,
    m.table_name,
    m.high_water_mark,
    m.batch_id,
    m.last_updated
from high_water_mark as m
where m.area = any (%(areas)s)
order by m.area, m.table_name

-- name: aggregates
select
    p.table_name,
    p.batch_id,
    p.computed_at
from tidemark.published_aggregate as p
where p.area = %(area)s

-- The last batches of each area. `between` in place of `=` makes it the index by area and batch: of
-- one by batch alone, all would be read for an area that has none.
-- name: batches
select
    a.area,
    b.batch_id,
    b.status,
    b.started_at,
    b.ended_at,
    extract(epoch from b.ended_at - b.started_at)::float8,
    l.rows_extracted,
    l.snapshot_seconds,
    b.error_message
from unnest(%(areas)s::text[]) as a (area)
cross join lateral (
    select
        e.batch_id,
        e.status,
        e.started_at,
        e.ended_at,
        e.error_message
    from etl_batches as e
    where e.area between a.area and a.area
    order by e.area, e.batch_id desc
    limit %(limit)s
) as b
cross join lateral (
    select
        coalesce(sum(o.rows_processed) filter (where o.entity is not null), 0)::bigint
            as rows_extracted,
        max((o.additional_info ->> 'snapshot_seconds')::float8) as snapshot_seconds
    from etl_logs as o
    where o.batch_id = b.batch_id and o.hop = 'extract'
) as l
order by a.area, b.batch_id desc

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
