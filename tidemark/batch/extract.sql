-- From the landing table into the mirror.

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
    inner join {keys} as n on {l.key = n.key}
    left join {mirror} as h
        on {h.key = l.key} and h._deleted_at is null and not {h.compared is distinct from l.compared}
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
