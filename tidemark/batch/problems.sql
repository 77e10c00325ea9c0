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

-- When the last batch succeeded, or where none has, when the first one began.
-- name: without_success
select
    coalesce(max(b.ended_at) filter (where b.status = 'SUCCESS'), min(b.started_at)) as since,
    bool_or(b.status = 'SUCCESS') as has_succeeded,
    extract(
        epoch from clock_timestamp()
        - coalesce(max(b.ended_at) filter (where b.status = 'SUCCESS'), min(b.started_at))
    )::float8 as seconds
from etl_batches as b
where b.area = %(area)s
having count(*) > 0

-- Checks that are broken. A check that is broken is looked at in each batch, so one that is no longer
-- declared is known by its name.
-- name: broken
select
    c.check_name,
    c.entity,
    c.severity,
    c.message,
    c.run_time
from (
    select distinct on (l.check_name)
        l.check_name,
        l.entity,
        l.severity,
        l.status,
        l.message,
        l.run_time
    from dq_check_logs as l
    where l.area = %(area)s
    order by l.check_name, l.log_id desc
) as c
where
    c.status <> 'PASSED'
    and c.severity <> 'reject'
    and (
        c.check_name = any (%(declared)s)
        or c.check_name ~ '^(reject_ratio|versions|keys)_of_'
    )
order by c.check_name

-- How far the bound of the last extraction lies behind the source's clock, where a transaction held it.
-- name: held_back
select
    l.additional_info ->> 'held_back_by' as holder,
    (l.additional_info ->> 'high')::timestamptz as bound,
    extract(
        epoch from (l.additional_info ->> 'source_clock')::timestamptz
        - (l.additional_info ->> 'high')::timestamptz
    )::float8 as seconds
from etl_logs as l
where
    l.area = %(area)s
    and l.hop = 'extract'
    and l.entity is null
    and l.batch_id = (
        select max(m.batch_id)
        from etl_logs as m
        where m.area = %(area)s and m.hop = 'extract' and m.status <> 'RUNNING'
    )
    and l.additional_info ->> 'held_back_by' is not null
order by 3 desc nulls last
limit 1
