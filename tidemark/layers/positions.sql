-- How far each source was read.

-- name: read
select
    entity,
    item,
    position
from tidemark.source_position
where area = %(area)s

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
