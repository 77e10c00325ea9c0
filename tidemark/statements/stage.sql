-- From the landing table through the cleansing view into the mirror of STG.

-- Each landed row has its number where MRR's first batch was: the view passes it on.
-- name: numbered
select {columns} from ({rows}) as v

-- name: number
row_number() over () as _first_batch_id

-- The view is evaluated once; what follows reads its result more than once.
-- name: clean
select
    {payload},
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from {view}
where {batch}

-- name: clean_more
insert into {cleaned} ({payload}, _batch_id, _seq, _extracted_at, _deleted_at, reject_reasons, _landed)
select
    {payload},
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    reject_reasons,
    _first_batch_id
from {view}
where _first_batch_id > {last}

-- name: one_batch
_batch_id = {batch_id}

-- A deleted row is deleted whatever cleansing makes of it, as the good row that is here; where keys
-- are in question, as claims let go of it. A repair sends the good version of a refused row again.
-- name: good
(
    select
        {payload},
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    from {cleaned}
    where reject_reasons = '{{}}' and _deleted_at is null
    union all
    select
        {m.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    inner join {mirror} as m on {m.key = c.key}
    where c._deleted_at is not null and c._mrr_key is null
    union all
    select
        {m.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    inner join {mirror} as m on {m.key = c.key}
    where
        {anew}
        and c._mrr_key is null
        and c.reject_reasons <> '{{}}'
        and c._deleted_at is null
        and m._deleted_at is null
    union all
    select
        {m.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    cross join lateral jsonb_populate_record(null::{mirror}, c._held) as h
    inner join {mirror} as m on {m.key = h.key}
    where
        {anew}
        and not c._frees
        and c.reject_reasons <> '{{}}'
        and c._deleted_at is null
        and m._deleted_at is null
)

-- What cleansing let through and the star has no place for: one pass over the rows.
-- name: refuse_misfits
update {cleaned}
set reject_reasons = reject_reasons || array_remove(array[{reasons}], null)
where _landed > {last} and ({misfits})

-- name: reason
case when {misfit} then {reason} end

-- name: no_key
num_nulls({key}) > 0

-- The timeline of a dimension ends where 9999-12-31 begins.
-- name: no_instant
{column} is null or {column} < '0001-01-01' or {column} >= '9999-12-31'

-- name: no_date
{column} < '0001-01-01' or {column} > '9999-12-31'

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
