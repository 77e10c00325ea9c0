-- What became of an event.

-- name: event
select
    i.kind,
    i.received_at,
    i.batch_id
from tidemark.inbox as i
where i.area = %(area)s and i.event_id = %(event_id)s

-- MRR keeps such a row as JSON, with the id of the event.
-- name: refused
select r.reason
from (
    select
        f.reasons,
        case when pg_input_is_valid(f.row_text, 'jsonb') then f.row_text::jsonb end as said
    from tidemark.refused as f
    where
        f.area = %(area)s
        and f.entity = %(entity)s
        and f.item = ''
        and f.ended_by is null
) as f
cross join lateral unnest(f.reasons) as r (reason)
where f.said ->> 'event_id' = %(event_id)s

-- name: rejected
select s.reason
from stg_rejects as r
cross join lateral unnest(r.reasons) as s (reason)
where
    r.area = %(area)s
    and r.entity = %(entity)s
    and r.resolved_at is null
    and %(event_id)s in (r.row_data ->> 'event_id', r.key ->> 'event_id')

-- name: visible
select b.applied_at
from tidemark.applied_batch as b
where b.area = %(area)s and b.batch_id >= %(batch_id)s
order by b.batch_id
limit 1

-- name: waiting
select
    a.area,
    coalesce(extract(epoch from clock_timestamp() - i.received_at), 0)::float8 as seconds
from unnest(%(areas)s::text[]) as a (area)
left join lateral (
    select i.received_at
    from tidemark.inbox as i
    where i.area = a.area and i.batch_id is null
    order by i.id
    limit 1
) as i on true
