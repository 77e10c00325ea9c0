-- Marks and the batch's status, in the publishing transaction.

-- name: mark
insert into high_water_mark as m
(table_name, area, entity, high_water_mark, batch_id, last_updated)
values (%(table)s, %(area)s, %(entity)s, %(high)s, %(batch_id)s, clock_timestamp())
on conflict (table_name) do update
set
    high_water_mark = greatest(m.high_water_mark, excluded.high_water_mark),
    batch_id = excluded.batch_id,
    last_updated = excluded.last_updated

-- name: succeed
update etl_batches set status = 'SUCCESS', ended_at = clock_timestamp(), error_message = null
where batch_id = %(batch_id)s

-- What STG lacks, as deleted there; unless this batch has brought it.
-- name: land_surplus
insert into {landing} ({key}, _batch_id, _first_batch_id, _extracted_at, _deleted_at)
select {key}, {batch_id}, {batch_id}, {clock}, {clock}
from {keys} as k
where not exists (select from {landing} as l where {l_is_k})
