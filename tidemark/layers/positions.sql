-- How far each source was read.

-- name: read
select
    entity,
    item,
    position - array['seen', 'whole'] as position
from tidemark.source_position
where
    area = %(area)s
    and (%(entities)s::text [] is null or entity = any(%(entities)s))
    and (%(items)s::text [] is null or item = any(%(items)s))

-- name: at_hand
select
    own.entity,
    own.item,
    own.position
from tidemark.source_position as own
where own.area = %(area)s and own.item = ''
union all
select
    other.entity,
    other.item,
    other.position
from unnest(%(entities)s) as e (entity)
left join tidemark.source_position as own
    on own.area = %(area)s and own.entity = e.entity and own.item = ''
inner join tidemark.source_position as other
    on other.area = %(area)s and other.entity = e.entity and other.item <> ''
where own.position -> 'seen' is null

-- name: record
insert into tidemark.source_position as p (area, entity, item, position, batch_id)
select
    %(area)s,
    m.entity,
    m.item,
    m.position,
    %(batch_id)s
from jsonb_to_recordset(%(moved)s::jsonb) as m (entity text, item text, position jsonb)
on conflict (area, entity, item) do update
set
    position = excluded.position,
    batch_id = excluded.batch_id,
    moved_at = clock_timestamp()
where p.batch_id <= excluded.batch_id
