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

-- name: listen
listen tidemark_inbox

-- One look into an index for each area, however many events wait (a loose index scan).
-- name: waiting
with recursive areas as (
    (
        select i.area
        from tidemark.inbox as i
        where i.batch_id is null
        order by i.area
        limit 1
    )
    union all
    select (
        select i.area
        from tidemark.inbox as i
        where i.batch_id is null and i.area > a.area
        order by i.area
        limit 1
    )
    from areas as a
    where a.area is not null
)

select a.area
from areas as a
where a.area is not null

-- name: greatest_id
select max(i.event_id collate "C")
from tidemark.inbox as i
where i.area = %(area)s and starts_with(i.event_id, %(prefix)s)
