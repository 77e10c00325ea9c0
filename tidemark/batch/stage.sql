-- From MRR into the landing tables of STG, and what a repair takes away.

-- Each landed row has its number where MRR's first batch was: the view passes it on.
-- name: numbered
select {columns} from ({rows}) as v

-- name: number
row_number() over () as _first_batch_id

-- What MRR lacks and STG has, as deleted; unless this batch has brought it.
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
