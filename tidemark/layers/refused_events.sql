-- Events that were refused: those that a queue brought, and those that are sent again.

-- A message that comes again finds itself here.
-- name: keep
insert into tidemark.refused
(area, entity, item, row_text, row_key, event_id, reasons, refused_at)
select
    e.area,
    e.entity,
    %(item)s,
    e.row_text,
    jsonb_build_object('event_id', e.event_id),
    e.event_id,
    array(select jsonb_array_elements_text(e.reasons)),
    clock_timestamp()
from unnest(
    %(areas)s::text[], %(entities)s::text[], %(event_ids)s::text[], %(texts)s::text[],
    %(reasons)s::jsonb[]
) with ordinality as e (area, entity, event_id, row_text, reasons, place)
order by e.place
on conflict do nothing
returning refused_id

-- What STG does not show: no batch has found it yet, or it is of no entity.
-- name: waiting
select
    null::bigint as reject_id,
    r.entity,
    r.item,
    r.row_key,
    r.reasons,
    r.batch_id,
    r.refused_at as first_seen_at,
    r.refused_at as last_seen_at,
    r.ended_at,
    jsonb_build_object('row_text', left(r.row_text, 100000)) as row_data
from tidemark.refused as r
where
    r.area = %(area)s
    and r.batch_id is null
    and (%(entity)s::text is null or r.entity = %(entity)s)
    and (%(resolved)s or r.ended_by is null)
order by r.refused_at desc, r.refused_id desc
limit %(limit)s

-- Those of MRR that are refused now, in the order in which they came, and those of nobody.
-- name: open
select
    r.event_id,
    r.item,
    r.row_text
from tidemark.refused as r
where
    r.event_id is not null
    and r.ended_by is null
    and (r.area = %(area)s or r.entity = '(unknown)')
order by r.refused_id

-- Those that cleansing refuses now. MRR has a row of each.
-- name: open_of_cleansing
select distinct r.row_data ->> 'event_id' as event_id
from stg_rejects as r
where r.area = %(area)s and r.item is null and r.resolved_at is null

-- Events as they were posted, in the order in which they came. Nobody changes them meanwhile.
-- name: held
select
    i.event_id,
    i.kind,
    i.payload::text as payload
from tidemark.inbox as i
where i.area = %(area)s and i.event_id = any(%(event_ids)s)
order by i.id
for update

-- name: shown
select
    i.event_id,
    i.kind,
    i.payload::text as payload
from tidemark.inbox as i
where i.area = %(area)s and i.event_id = any(%(event_ids)s)
order by i.id

-- An event that is sent again comes behind all others, as if it had come now.
-- name: remove
delete from tidemark.inbox as i
where i.area = %(area)s and i.event_id = any(%(event_ids)s)

-- name: add
insert into tidemark.inbox (area, event_id, kind, payload)
select
    %(area)s,
    e.event_id,
    e.kind,
    e.payload
from unnest(%(event_ids)s::text[], %(kinds)s::text[], %(payloads)s::jsonb[])
    with ordinality as e (event_id, kind, payload, place)
order by e.place
