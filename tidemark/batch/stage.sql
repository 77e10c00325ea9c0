-- reserved in: key

-- From MRR into the landing tables of STG, and what a repair removes.

-- Each landed row gets its number in place of MRR's first batch, and the view passes it on.
-- name: numbered
select {columns}
from (
    select
        {passed},
        row_number() over () as _first_batch_id
    from ({rows}) as r
) as v

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
