-- The inbox of events in MRR: who posts there, and what becomes of an event.

-- One that is there already is waited for, and then left alone.
-- name: post
insert into tidemark.inbox (area, event_id, kind, payload)
select distinct on (e.event_id)
    %(area)s,
    e.event_id,
    e.kind,
    e.payload
from unnest(%(event_ids)s::text[], %(kinds)s::text[], %(payloads)s::jsonb[])
    with ordinality as e (event_id, kind, payload, place)
order by e.event_id, e.place
on conflict (area, event_id) do nothing
returning event_id

-- name: kept
select
    e.place,
    i.kind = e.kind and i.payload = e.payload as is_same
from unnest(%(event_ids)s::text[], %(kinds)s::text[], %(payloads)s::jsonb[])
    with ordinality as e (event_id, kind, payload, place)
inner join tidemark.inbox as i on i.area = %(area)s and i.event_id = e.event_id
order by e.place

-- name: tell
select pg_notify('tidemark_inbox', a.area)
from unnest(%(areas)s::text[]) as a (area)
