-- reserved in: key, staged

-- From the landing table through the cleansing view into the mirror of STG.

-- The view is evaluated only here. Every later step reads the work table with its result. A row that
-- the view lets through is refused all the same if the star can't hold it ({violation}). `offset 0`
-- keeps the planner from evaluating the view's expressions again in these conditions.
-- name: clean
select
    {payload},
    _batch_id,
    _seq,
    _extracted_at,
    {deleted_at},
    case
        when false {or violation}
            then reject_reasons || array_remove(
                array[{(case when violation then reason end)}], null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        {payload},
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from {view}
    where {only}
    offset 0
) as v

-- name: clean_more
insert into {cleaned}
{query}

-- name: after
_first_batch_id > {last}

-- Versions of keys that a batch has shown before, and the place of the version before.
-- name: shown_again
select
    l._batch_id,
    l._seq,
    l._before
from (
    select
        _batch_id,
        _seq,
        lag(_seq) over (partition by _batch_id, {key} order by _seq) as _before
    from {landing}
) as l
where l._before is not null
order by l._batch_id, l._seq

-- name: one_step
_batch_id = {batch_id} and _seq between {start} and {end}

-- The versions that versions.apply takes. Good rows have their own values. A delete has none, nor has
-- a refused row that a repair sends: these take the values of the version before them (_follows).
-- name: good_in_order
(
    select
        {key},
        {carried},
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        false as _follows
    from {cleaned}
    where reject_reasons = '{{}}' and _deleted_at is null
    union all
    select
        {key},
        {null as carried},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at,
        true as _follows
    from (
        select distinct
            {key},
            _batch_id,
            _seq,
            _extracted_at,
            _deleted_at
        from {cleaned}
        where
            _deleted_at is not null
            or reject_reasons <> '{{}}' and _batch_id = any ({repairs}::bigint[])
    ) as c
)

-- The rows to merge, one for each key. A deleted row is deleted whatever cleansing makes of it, with
-- the values of STG's good row. If its key is in question (_mrr_key), claims delete it instead. A
-- repair sends STG's good version of a refused row again, under its own key or under the one it holds.
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
        {kept.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    inner join {mirror} as kept on {kept.key = c.key}
    where c._deleted_at is not null and c._mrr_key is null
    union all
    select
        {kept.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    inner join {mirror} as kept on {kept.key = c.key}
    where
        {rewrite}
        and c._mrr_key is null
        and c.reject_reasons <> '{{}}'
        and c._deleted_at is null
        and kept._deleted_at is null
    union all
    select
        {kept.payload},
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from {cleaned} as c
    cross join lateral jsonb_populate_record(null::{mirror}, c._held) as h
    inner join {mirror} as kept on {kept.key = h.key}
    where
        {rewrite}
        and not c._frees
        and c.reject_reasons <> '{{}}'
        and c._deleted_at is null
        and kept._deleted_at is null
)

-- name: no_key
num_nulls({key}) > 0

-- The open version of a dimension ends at 9999-12-31 00:00, so nothing can begin then.
-- name: no_instant
{column} is null or {column} < {first} or {column} >= {end}

-- name: no_date
{column} < {first} or {column} > {end}
