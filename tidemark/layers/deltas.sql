-- reserved in: key

-- What batches wrote into a mirror m, whose replaced versions are in its history h.

-- The rows of a mirror that batches after `after` have written. No index holds the batch of a row,
-- since an update would have to write to it. So a row is found as one that was first seen after
-- `after`, or by the version that was replaced since. A history that has lost such versions no longer
-- names their keys: then the mirror is read as a whole.
-- name: written
(
    select m.*
    from {mirror} as m
    where m._first_batch_id > {after}
    union all
    select m.*
    from (
        select {h.key}
        from {history} as h
        where h._replaced_by > {after}
        union
        select {r.key}
        from tidemark.rows_without_history({spelled}, {after}) as w (place)
        inner join {mirror} as r on w.place = r.ctid
    ) as k
    inner join {mirror} as m on {m.key = k.key}
    where m._first_batch_id <= {after}
)

-- The versions that they have written, the replaced ones included.
-- name: versions
select {w.columns}
from {written} as w
union all
select {h.columns}
from {history} as h
where h._replaced_by > {after} and h._batch_id > {after}

-- All live rows of the natural keys of which they have written rows. What they have deleted is sent
-- too: it may have been the last row of its natural key.
-- name: observations
select {m.columns}
from (
    select distinct {w.nk}
    from {written} as w
) as t
inner join {mirror} as m on {m.nk = t.nk}
where m._deleted_at is null or m._batch_id > {after}

-- name: some_columns
select {m.columns}
from {relation} as m

-- The rows that were current and not deleted after a batch.
-- name: as_of
(
    select {columns}
    from {mirror}
    where _batch_id <= {batch_id} and _deleted_at is null
    union all
    select {columns}
    from {history}
    where _batch_id <= {batch_id} and _replaced_by > {batch_id} and _deleted_at is null
)

-- name: with_refreshed
{delta}
union all
select {columns}
from (
    select
        {r.carried},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq
    from {rows} as r
    where r._batch_id < {batch_id}
) as v

-- name: has_versions
select
    {entity} as entity,
    (
        exists (
            select
            from {mirror}
            where _first_batch_id > {after}
        )
        or exists (
            select
            from {history}
            where _replaced_by > {after}
        )
        or exists (select from tidemark.rows_without_history({spelled}, {after}))
    ) as has_versions
