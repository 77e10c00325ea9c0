-- From the landing table into the mirror.
--
-- {landing} is the relation of what has landed

-- name: incoming
(
    select
        {landed.payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(landed._extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from {landing} as landed
)

-- Versions, of which a key may have several, in the order in which the source has shown them.
-- name: versions
(
    select
        {landed.payload},
        {batch_id}::bigint as _batch_id,
        coalesce(landed._seq, 0) as _seq,
        coalesce(landed._extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        landed._deleted_at,
        landed._deleted_at is not null as _follows
    from {landing} as landed
)
