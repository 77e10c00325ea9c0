-- From the landing table into the mirror.

-- name: incoming
(
    select
        {payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(_extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from {landing}
)

-- Versions, of which a key may have several, in the order in which the source has shown them.
-- name: versions
(
    select
        {payload},
        {batch_id}::bigint as _batch_id,
        coalesce(_seq, 0) as _seq,
        coalesce(_extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        _deleted_at,
        _deleted_at is not null as _follows
    from {landing}
)

-- The rows of these keys again: as they were just read, or else as the mirror has them. A row that
-- the mirror has as it is was seen before: it keeps that clock.
-- name: resent
(
    select
        {l.payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(h._extracted_at, {clock}::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from {landing} as l
    left join {mirror} as h
        on {h.key = l.key} and h._deleted_at is null and not {h.payload is distinct from l.payload}
    union all
    select
        {m.payload},
        {batch_id}::bigint,
        0,
        case
            when m._deleted_at is null and {deleted_at}::timestamptz is not null
                then {clock}::timestamptz
            else m._extracted_at
        end,
        coalesce(m._deleted_at, {deleted_at}::timestamptz)
    from {mirror} as m
    inner join {keys} as k on {m.key = k.key}
    where not exists (select from {landing} as l where {m.key = l.key})
)
