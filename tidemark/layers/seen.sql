-- reserved in: staged, fact

-- When Tidemark saw what has no time of its own.

-- name: keep_clocks
insert into tidemark.batch_clock (area, batch_id, clock)
select
    %(area)s,
    b.batch_id,
    b.clock
from unnest(%(batches)s::bigint[], %(clocks)s::timestamptz[]) as b (batch_id, clock)
on conflict do nothing

-- name: first
(
    select
        {s.columns},
        coalesce(c.clock, s._extracted_at) as _seen_at
    from {rows} as s
    left join tidemark.batch_clock as c
        on c.area = {area} and s._first_batch_id = c.batch_id
)
