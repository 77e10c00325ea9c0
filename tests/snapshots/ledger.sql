-- applied_after
select
    batch_id,
    marks,
    is_repair,
    refreshed,
    entities
from tidemark.applied_batch
where area = :area and batch_id > :after
order by batch_id;

-- last_applied
select coalesce(max(batch_id), 0) as batch_id from tidemark.applied_batch where area = :area;

-- record
insert into tidemark.applied_batch
(area, batch_id, marks, is_repair, refreshed, entities, ruleset)
values (
    :area,
    :batch_id,
    :marks,
    :is_repair,
    :refreshed::text[],
    :entities::text[],
    :ruleset
)
returning exists (select from tidemark.ruleset as r where r.checksum = :ruleset);
