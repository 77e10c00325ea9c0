-- The source's keys compared with those of the mirror.

-- name: find_missing
select {m.payload}
from {mirror} as m
where
    m._deleted_at is null
    and not exists (
        select
        from {keys} as k
        where {m.key = k.key}
    )

-- How many rows are missing; and if there are any, how many there are in all.
-- name: count
select
    c.missing,
    case
        when c.missing > 0
            then (
                select count(*)
                from {mirror}
                where _deleted_at is null
            )
        else 0
    end as known
from (select count(*) as missing from {missing}) as c

-- name: count_missing
select
    (
        select count(*)
        from {mirror} as m
        where
            m._deleted_at is null
            and not exists (
                select
                from {keys} as k
                where {m.key = k.key}
            )
    ),
    (
        select count(*)
        from {mirror}
        where _deleted_at is null
    )

-- name: incoming
(
    select
        {payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        {extracted_at}::timestamptz as _extracted_at,
        {extracted_at}::timestamptz as _deleted_at
    from {missing}
)

-- Whether rows have a key that the mirror lacks, or has as a deleted one.
-- name: has_new_key
select exists (
    select
    from {rows} as l
    where not exists (
        select
        from {mirror} as m
        where {m.key = l.key} and m._deleted_at is null
    )
)

-- Counted, since the planner's estimate may be old; the count stops at the limit.
-- name: is_small
select count(*) < {limit}
from (
    select
    from {mirror}
    limit {limit}
) as some_rows

-- Keys of rows from before the window that the mirror lacks, has as deleted, or has with another
-- watermark. No window will bring them: the last one has passed their watermark. (Of `num_nulls(…) = 0`
-- the planner expects that it is true of one row in 200, and would look each key up.)
-- name: overlooked
select array[{k.key::text}] as key
from {keys} as k
where
    k.{watermark} < {low}
    and ({k.key}) is not null
    and not exists (
        select
        from {mirror} as m
        where {m.key = k.key} and m._deleted_at is null and m.{watermark} = k.{watermark}
    )

-- name: first_overlooked
select o.key
from ({overlooked}) as o
limit {limit}

-- name: count_overlooked
select count(*) from ({overlooked}) as o
