-- Sets of items that are a whole table, and what they lack.
--
-- {landing}   the rows that have landed, numbered
-- {firsts}    the number of the first row of each set
-- {deleting}  the places of the sets that delete what they lack; {lasts} and {items} of these are the
--             number of the last row before the next set, and the place of the last item
-- {live}      the keys that were there before each set that deletes, and whether it lacks them

-- A key that was shown, by the mirror or by a set, is there until the next set that deletes.
-- name: live
with landed as (
    select distinct
        {key},
        width_bucket(_seq, {firsts}::bigint[])::bigint as _shown
    from {landing} as rows_of_sets
),

shown as (
    select
        {key},
        0::bigint as _shown
    from {mirror}
    where _deleted_at is null
    union all
    select
        {key},
        _shown
    from landed
),

next as (
    select distinct
        {key},
        ({deleting}::bigint[])[width_bucket(_shown, {deleting}::bigint[]) + 1] as _set
    from shown
)

select
    {n.key},
    n._set,
    not exists (
        select
        from landed as o
        where {o.key = n.key} and o._shown = n._set
    ) as _is_gone
from next as n
where n._set is not null

-- name: count
select
    count(*) filter (where _is_gone),
    count(*)
from {live}
group by _set
order by _set

-- Numbers are doubled, so that there is room for deletes between two sets.
-- name: versions
(
    select
        {key},
        {carried},
        {batch_id}::bigint as _batch_id,
        _seq * 2 as _seq,
        _extracted_at,
        null::timestamptz as _deleted_at,
        false as _follows
    from {landing} as rows_of_sets
    union all
    select
        {key},
        {null as carried},
        {batch_id}::bigint,
        ({lasts}::bigint[])[array_position({deleting}::bigint[], d._set)] * 2 + 1,
        d.at,
        d.at,
        true
    from (
        select
            {key},
            _set,
            {clock}::timestamptz + make_interval(
                secs => (({items}::bigint[])[array_position({deleting}::bigint[], _set)] - 1) / 1e6
            ) as at
        from {live}
        where _is_gone
    ) as d
)
