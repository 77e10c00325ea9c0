-- reserved in: key

-- What a repair removes from STG.

-- Rows that STG has and MRR lacks, as deleted ones, unless this batch has brought them.
-- name: surplus
(
    select
        {m.payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        {clock}::timestamptz as _extracted_at,
        {clock}::timestamptz as _deleted_at
    from {mirror} as m
    inner join {keys} as k on {m.key = k.key}
    where m._deleted_at is null and m._batch_id < {batch_id}
)
