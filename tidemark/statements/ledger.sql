-- The batches that a layer has applied.

-- name: applied
select
    batch_id,
    applied_at
from tidemark.applied_batch
where area = %(area)s

-- name: forget
delete from tidemark.applied_batch where area = %(area)s and batch_id = any(%(batches)s::bigint[])
