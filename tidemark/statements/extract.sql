-- From the landing table into the mirror.

-- name: incoming
(
    select
        {payload},
        {batch_id}::bigint as _batch_id,
        {extracted_at}::timestamptz as _extracted_at,
        null::timestamptz as _deleted_at
    from {landing}
)
