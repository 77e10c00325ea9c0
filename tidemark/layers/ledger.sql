-- The batches that a layer has applied.

-- name: forget
delete from tidemark.applied_batch
where area = %(area)s and batch_id = any(%(batches)s::bigint[])

-- Of batches that retention has let go of, the clock is still known.
-- name: applied_after
select
    b.batch_id,
    b.marks,
    b.is_repair,
    b.refreshed,
    b.entities,
    coalesce(c.clock, b.applied_at)
from tidemark.applied_batch as b
left join tidemark.batch_clock as c on b.area = c.area and b.batch_id = c.batch_id
where b.area = %(area)s and b.batch_id > %(after)s
union all
select
    c.batch_id,
    '{{}}' as marks,
    false as is_repair,
    '{{}}' as refreshed,
    null as entities,
    c.clock
from tidemark.ledger_start as l
inner join tidemark.batch_clock as c
    on l.area = c.area and c.batch_id > %(after)s and l.batch_id > c.batch_id
where
    l.area = %(area)s
    and not exists (
        select
        from tidemark.applied_batch as b
        where b.area = c.area and b.batch_id = c.batch_id
    )
order by batch_id

-- name: last_applied
select coalesce(max(batch_id), 0) as batch_id
from tidemark.applied_batch
where area = %(area)s

-- name: record
insert into tidemark.applied_batch
(area, batch_id, marks, is_repair, refreshed, entities, ruleset)
values (
    %(area)s,
    %(batch_id)s,
    %(marks)s,
    %(is_repair)s,
    %(refreshed)s::text[],
    %(entities)s::text[],
    %(ruleset)s
)
returning exists (
    select
    from tidemark.ruleset as r
    where r.checksum = %(ruleset)s
)
