-- Deletes of what is older than area.yml keeps. Each statement is a transaction of its own.

-- name: logs
delete from etl_logs
where log_id in (
    select l.log_id
    from etl_logs as l
    where
        l.area = %(area)s
        and l.start_time < clock_timestamp() - %(keep)s
        and l.status <> 'RUNNING'
        and l.batch_id is distinct from %(batch_id)s
    order by l.start_time
    limit %(rows)s
)

-- name: check_logs
delete from dq_check_logs
where log_id in (
    select l.log_id
    from dq_check_logs as l
    where
        l.area = %(area)s
        and l.run_time < clock_timestamp() - %(keep)s
        and l.batch_id is distinct from %(batch_id)s
    order by l.run_time
    limit %(rows)s
)

-- name: alerts
delete from tidemark.alert
where alert_id in (
    select a.alert_id
    from tidemark.alert as a
    where a.area = %(area)s and a.ended_at < clock_timestamp() - %(keep)s
    order by a.ended_at
    limit %(rows)s
)

-- name: rejects
delete from stg_rejects
where reject_id in (
    select r.reject_id
    from stg_rejects as r
    where r.area = %(area)s and r.resolved_at < clock_timestamp() - %(keep)s
    order by r.resolved_at
    limit %(rows)s
)

-- name: refused
delete from tidemark.refused
where refused_id in (
    select r.refused_id
    from tidemark.refused as r
    where r.area = %(area)s and r.ended_at < clock_timestamp() - %(keep)s
    order by r.ended_at
    limit %(rows)s
)

-- name: history_start
select coalesce(max(batch_id), 0)
from tidemark.history_start
where area = %(area)s

-- The last batch that is old enough. At most the next thousand batches are looked at, which is
-- enough for one run; mostly the first of them is too young already.
-- name: history_end
select coalesce(max(b.batch_id), %(after)s)
from (
    select
        c.batch_id,
        coalesce(a.applied_at, c.clock) as applied_at
    from tidemark.batch_clock as c
    left join tidemark.applied_batch as a on c.area = a.area and c.batch_id = a.batch_id
    where c.area = %(area)s and c.batch_id > %(after)s and c.batch_id <= %(applied)s
    order by c.batch_id
    limit 1000
) as b
where b.applied_at < clock_timestamp() - %(keep)s

-- name: history
delete from {history}
where ctid = any(
    array(
        select h.ctid
        from {history} as h
        where h._replaced_by <= %(until)s
        order by h._replaced_by
        limit %(rows)s
    )
)

-- name: move_history_start
insert into tidemark.history_start (area, batch_id) values (%(area)s, %(batch_id)s)
on conflict (area) do update
set batch_id = excluded.batch_id, moved_at = excluded.moved_at

-- The last batch that may go, if any: behind it one has succeeded, and all that follow are kept.
-- name: last_to_go
select coalesce(max(b.batch_id), 0)
from etl_batches as b
where
    b.area = %(area)s
    and b.batch_id < %(applied)s
    and b.started_at < clock_timestamp() - %(keep)s
    and b.status <> 'RUNNING'

-- name: batches
delete from etl_batches
where batch_id in (
    select b.batch_id
    from etl_batches as b
    where b.area = %(area)s and b.batch_id <= %(until)s and b.status <> 'RUNNING'
    order by b.batch_id
    limit %(rows)s
)

-- name: move_ledger_start
insert into tidemark.ledger_start (area, batch_id) values (%(area)s, %(until)s + 1)
on conflict (area) do update
set batch_id = excluded.batch_id, moved_at = excluded.moved_at

-- Those stay that say more than that they were applied.
-- name: applied
delete from tidemark.applied_batch
where
    area = %(area)s
    and batch_id in (
        select a.batch_id
        from tidemark.applied_batch as a
        where
            a.area = %(area)s
            and a.batch_id <= %(until)s
            and not a.is_repair
            and cardinality(a.refreshed) = 0
        order by a.batch_id
        limit %(rows)s
    )
