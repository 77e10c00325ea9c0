-- What stands in the way of an area, as its journal has it.

-- The last batch that has ended, if it failed, and when the first one since a success did.
-- name: failed
select
    b.batch_id,
    b.error_message,
    b.failed_by,
    (
        select min(f.ended_at)
        from etl_batches as f
        where
            f.area = %(area)s
            and f.status = 'FAILED'
            and f.batch_id > coalesce(
                (
                    select max(s.batch_id)
                    from etl_batches as s
                    where s.area = %(area)s and s.status = 'SUCCESS'
                ),
                0
            )
    ) as since
from etl_batches as b
where b.area = %(area)s and b.status <> 'RUNNING'
order by b.batch_id desc
limit 1

-- When the last batch of each area succeeded, or where none has, when the first one began.
-- `between` in place of `=` makes it the index by area and batch, as in all lookups below.
-- name: without_success
select
    a.area,
    coalesce(good.ended_at, first.started_at) as since,
    good.ended_at is not null as has_succeeded,
    extract(
        epoch from clock_timestamp() - coalesce(good.ended_at, first.started_at)
    )::float8 as seconds
from unnest(%(areas)s::text[]) as a (area)
cross join lateral (
    select b.started_at
    from etl_batches as b
    where b.area between a.area and a.area
    order by b.area desc, b.batch_id
    limit 1
) as first
left join lateral (
    select b.ended_at
    from etl_batches as b
    where b.area between a.area and a.area and b.status = 'SUCCESS'
    order by b.area, b.batch_id desc
    limit 1
) as good on true

-- What each check said last. Takes the next check by name, from one to the next, since the log may be
-- long.
-- name: said_last
with recursive names (area, check_name) as (
    select
        a.area,
        (
            select min(l.check_name)
            from dq_check_logs as l
            where l.area = a.area
        )
    from unnest(%(areas)s::text[]) as a (area)
    union all
    select
        n.area,
        (
            select min(l.check_name)
            from dq_check_logs as l
            where l.area = n.area and l.check_name > n.check_name
        )
    from names as n
    where n.check_name is not null
)

select
    n.area,
    n.check_name,
    c.entity,
    c.layer,
    c.severity,
    c.status,
    c.result_value,
    c.bound,
    c.message,
    c.batch_id,
    c.run_time
from names as n
cross join lateral (
    select
        l.entity,
        l.layer,
        l.severity,
        l.status,
        l.result_value,
        l.bound,
        l.message,
        l.batch_id,
        l.run_time
    from dq_check_logs as l
    where
        l.area between n.area and n.area
        and l.check_name between n.check_name and n.check_name
    order by l.area, l.check_name, l.log_id desc
    limit 1
) as c
order by n.area, n.check_name

-- How far the bound of each area's last extraction lies behind the source's clock, where a transaction
-- held it.
-- name: held_back
select
    a.area,
    l.additional_info ->> 'held_back_by' as holder,
    (l.additional_info ->> 'high')::timestamptz as bound,
    extract(
        epoch from (l.additional_info ->> 'source_clock')::timestamptz
        - (l.additional_info ->> 'high')::timestamptz
    )::float8 as seconds
from unnest(%(areas)s::text[]) as a (area)
cross join lateral (
    select e.additional_info
    from etl_logs as e
    where
        e.area between a.area and a.area
        and e.hop = 'extract'
        and e.entity is null
        and e.status <> 'RUNNING'
    order by e.area desc, e.start_time desc, e.log_id desc
    limit 1
) as l
where l.additional_info ->> 'held_back_by' is not null
