-- The batches that a layer has applied.

-- name: forget
delete from tidemark.applied_batch where area = %(area)s and batch_id = any(%(batches)s::bigint[])
