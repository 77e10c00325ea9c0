-- The batch's status, and what a repair removes, in the publishing transaction.

-- A superseded version is removed before the facts that pointed at it are repointed.
-- name: defer
set constraints all deferred

-- name: succeed
update etl_batches
set status = 'SUCCESS', ended_at = clock_timestamp(), error_message = null, failed_by = null
where batch_id = %(batch_id)s

-- Members that STG lacks, as rows that were deleted, unless this batch has brought them.
-- name: land_surplus
insert into {landing} ({key}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    {k.key},
    {batch_id},
    0,
    {batch_id},
    {clock},
    {clock}
from {keys} as k
left join {landing} as l on {k.key = l.key}
where l._batch_id is null
