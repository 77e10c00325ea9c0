-- read
select
    entity,
    item,
    position
from tidemark.source_position
where area = :area;

-- record
insert into tidemark.source_position as p (area, entity, item, position, batch_id)
select
    :area,
    m.entity,
    m.item,
    m.position,
    :batch_id
from jsonb_to_recordset(:moved::jsonb) as m (entity text, item text, position jsonb)
on conflict (area, entity, item) do update
set
    position = excluded.position,
    batch_id = excluded.batch_id,
    moved_at = clock_timestamp()
where p.batch_id <= excluded.batch_id;
