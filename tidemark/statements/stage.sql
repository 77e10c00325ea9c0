-- From the landing table through the cleansing view into the mirror of STG.

-- name: drop_cleaned
drop table if exists {cleaned}

-- The view is evaluated once; what follows reads its result more than once.
-- name: clean
create unlogged table {cleaned} as
select
    {payload},
    _batch_id,
    _extracted_at,
    _deleted_at,
    reject_reasons
from {view}
where {batch}

-- name: one_batch
_batch_id = {batch_id}

-- A deleted row is deleted whatever cleansing makes of it, as the good row that is here.
-- name: good
(
    select
        {payload},
        _batch_id,
        _extracted_at,
        _deleted_at
    from {cleaned}
    where reject_reasons = '{{}}' and _deleted_at is null
    union all
    select
        {payload_m},
        c._batch_id,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    inner join {mirror} as m on {m_is_c}
    where c._deleted_at is not null
)

-- What cleansing let through and the star has no place for: one pass over the rows.
-- name: refuse_misfits
update {cleaned}
set reject_reasons = reject_reasons || array_remove(array[{reasons}], null)
where {misfits}

-- name: reason
case when {misfit} then {reason} end

-- name: no_key
num_nulls({key}) > 0

-- The timeline of a dimension ends where 9999-12-31 begins.
-- name: no_instant
{column} is null or {column} < '0001-01-01' or {column} >= '9999-12-31'

-- name: no_date
{column} < '0001-01-01' or {column} > '9999-12-31'

-- Numbered rather than counted: keys arrive nearly sorted, and PostgreSQL numbers by sorting, which
-- then takes half of what the hash table of a group takes.
-- name: refuse_duplicates
update {cleaned} set reject_reasons = reject_reasons || 'key occurs more than once in a batch'::text
where
    num_nulls({key}) = 0
    and ({key}) in (
        select {key}
        from (
            select
                {key},
                row_number() over (partition by {key}) as _nth
            from {cleaned}
        ) as numbered
        where _nth = 2
    )

-- What MRR lacks and STG has, as deleted; unless this batch has brought it.
-- name: surplus
(
    select
        {payload_m},
        {batch_id}::bigint as _batch_id,
        {clock}::timestamptz as _extracted_at,
        {clock}::timestamptz as _deleted_at
    from {mirror} as m
    inner join {keys} as k on {m_is_k}
    where m._deleted_at is null and m._batch_id < {batch_id}
)
