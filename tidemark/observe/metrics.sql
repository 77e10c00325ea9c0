-- What a monitoring system is told: samples, each with the name of its family, its labels and value.

-- A hop that runs has no end yet, so the last one that has ended is told. Looks at the end of an
-- index for each area, since the logs may be long. `between` in place of `=` makes it that index:
-- of one by batch alone, all would be read for an area that has none.
-- name: of_dwh
with areas as (
    select a.area
    from unnest(%(areas)s::text[]) as a (area)
),

last_batches as (
    select
        a.area,
        b.batch_id,
        b.status,
        b.started_at
    from areas as a
    cross join lateral (
        select
            e.batch_id,
            e.status,
            e.started_at
        from etl_batches as e
        where e.area between a.area and a.area
        order by e.area, e.batch_id desc
        limit 1
    ) as b
),

runs as (
    select
        a.area,
        h.hop,
        l.batch_id,
        l.start_time,
        l.end_time,
        l.status,
        l.duration_seconds,
        l.additional_info
    from areas as a
    cross join (values ('extract'), ('stage'), ('publish')) as h (hop)
    cross join lateral (
        select
            e.batch_id,
            e.start_time,
            e.end_time,
            e.status,
            e.duration_seconds,
            e.additional_info
        from etl_logs as e
        where
            e.area between a.area and a.area
            and e.hop = h.hop
            and e.entity is null
            and e.status <> 'RUNNING'
        order by e.area desc, e.start_time desc, e.log_id desc
        limit 1
    ) as l
),

moved as (
    select
        r.area,
        r.hop,
        l.entity,
        l.rows_processed,
        l.rows_inserted,
        l.rows_updated,
        l.rows_deleted,
        coalesce((l.additional_info ->> 'rejected')::bigint, 0) as rows_rejected
    from runs as r
    inner join etl_logs as l
        on
            r.area = l.area
            and r.start_time = l.start_time
            and r.hop = l.hop
            and r.batch_id = l.batch_id
    where l.entity is not null and r.status = 'SUCCESS'
),

-- The next check by name, from one to the next: a loose scan of the index.
names as (
    with recursive n (area, check_name) as (
        select
            a.area,
            (
                select min(l.check_name)
                from dq_check_logs as l
                where l.area = a.area
            )
        from areas as a
        union all
        select
            n.area,
            (
                select min(l.check_name)
                from dq_check_logs as l
                where l.area = n.area and l.check_name > n.check_name
            )
        from n
        where n.check_name is not null
    )

    select
        n.area,
        n.check_name
    from n
    where n.check_name is not null
),

checks as (
    select
        n.area,
        n.check_name,
        c.severity,
        c.status
    from names as n
    cross join lateral (
        select
            l.severity,
            l.status
        from dq_check_logs as l
        where
            l.area between n.area and n.area
            and l.check_name between n.check_name and n.check_name
        order by l.area, l.check_name, l.log_id desc
        limit 1
    ) as c
)

select
    'batch_status' as name,
    jsonb_build_object('area', b.area, 'status', s.status) as labels,
    (b.status = s.status)::integer::float8 as value
from last_batches as b
cross join (values ('RUNNING'), ('SUCCESS'), ('FAILED')) as s (status)

union all

select
    'batch_id',
    jsonb_build_object('area', b.area),
    b.batch_id::float8
from last_batches as b

union all

select
    'batch_start_timestamp_seconds',
    jsonb_build_object('area', b.area),
    extract(epoch from b.started_at)::float8
from last_batches as b

union all

select
    'last_success_timestamp_seconds',
    jsonb_build_object('area', a.area),
    extract(epoch from b.ended_at)::float8
from areas as a
cross join lateral (
    select e.ended_at
    from etl_batches as e
    where e.area between a.area and a.area and e.status = 'SUCCESS'
    order by e.area, e.batch_id desc
    limit 1
) as b

union all

select
    'high_water_mark_timestamp_seconds',
    jsonb_build_object('area', m.area, 'entity', m.entity, 'table', m.table_name),
    extract(epoch from m.high_water_mark)::float8
from high_water_mark as m
where m.area = any(%(areas)s) and m.high_water_mark is not null

union all

select
    f.name,
    jsonb_build_object('area', r.area, 'hop', r.hop),
    f.value
from runs as r
cross join lateral (
    values
    ('hop_success', (r.status = 'SUCCESS')::integer::float8),
    ('hop_duration_seconds', r.duration_seconds::float8),
    ('hop_end_timestamp_seconds', extract(epoch from r.end_time)::float8)
) as f (name, value)

union all

select
    'hop_rows',
    jsonb_build_object('area', m.area, 'hop', m.hop, 'entity', m.entity, 'action', f.action),
    f.value::float8
from moved as m
cross join lateral (
    values
    ('processed', m.rows_processed),
    ('inserted', m.rows_inserted),
    ('updated', m.rows_updated),
    ('deleted', m.rows_deleted),
    ('rejected', m.rows_rejected)
) as f (action, value)

union all

select
    f.name,
    jsonb_build_object('area', r.area),
    f.value
from runs as r
cross join lateral (
    values
    (
        'bound_lag_seconds',
        extract(
            epoch from (r.additional_info ->> 'source_clock')::timestamptz
            - (r.additional_info ->> 'high')::timestamptz
        )::float8
    ),
    ('bound_is_held_back', (r.additional_info ? 'held_back_by')::integer::float8)
) as f (name, value)
where r.hop = 'extract' and r.additional_info ->> 'high' is not null

union all

select
    'checks',
    jsonb_build_object('area', c.area, 'severity', c.severity, 'status', s.status),
    count(*) filter (where c.status = s.status)::float8
from checks as c
cross join (values ('PASSED'), ('WARNED'), ('FAILED'), ('ERROR')) as s (status)
where c.area || '.' || c.check_name = any(%(checks)s)
group by c.area, c.severity, s.status

-- name: of_stg
select
    'rejects_open' as name,
    jsonb_build_object('area', r.area, 'entity', r.entity) as labels,
    r.rows::float8 as value
from tidemark.open_rejects as r
where r.area = any(%(areas)s)

-- name: of_mrr
select
    'files' as name,
    jsonb_build_object('area', f.area, 'entity', f.entity, 'status', f.status) as labels,
    f.files::float8 as value
from tidemark.file_lag as f
where f.area = any(%(areas)s)

union all

select
    'file_modified_timestamp_seconds',
    jsonb_build_object('area', f.area, 'entity', f.entity),
    extract(epoch from f.modified)::float8
from tidemark.file_lag as f
where f.area = any(%(areas)s) and f.status = 'taken' and f.modified is not null

-- A statement that waits longer, as for a migration, fails: the next look comes soon.
-- name: patience
set statement_timeout = '30s'
