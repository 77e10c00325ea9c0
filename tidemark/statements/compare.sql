-- Two relations with the same columns, on two servers. Each has the columns of the key, those that
-- are compared, and _pending. {rows} is a subquery.

-- The checksum of a range does not depend on the order of its rows, nor on the server's encoding.
-- name: checksums
select
    {range},
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(('x' || left(md5(convert_to(row({values_r})::text, 'UTF8')), 16))::bit(64)::bigint)
    filter (where not r._pending)
from {rows} as r
group by 1

-- Keys fall into ranges of their hash: keys of any type, and as many in each range.
-- name: range
left(md5(convert_to(row({key_r})::text, 'UTF8')), 3)

-- name: in_ranges
(
    select {columns}
    from {rows} as r
    where {range} = any ({ranges}::text[])
)

-- name: differences
select
    array[{key_texts}] as key,
    case
        when r._is_here is null then 'missing'
        when s._is_here is null then 'surplus'
        else 'changed'
    end as kind,
    case
        when r._is_here and s._is_here then array_remove(array[{differing}], null)
        else '{{}}'
    end as columns,
    ({excuse}) is true as excused,
    row_number() over (
        order by s._is_here is null, r._is_here is null, {key_order}
    ) as position
from (select {columns}, true as _is_here from {sent} as r) as s
full join (select {kept_columns}, true as _is_here from {kept} as r) as r on {s_is_r}
where
    (
        s._is_here is null
        or r._is_here is null
        or ({values_s}) is distinct from ({values_r})
    )
    and s._pending is not true

-- The differences, and in the first row how many there are that are none.
-- name: judged
with found as materialized ({differences})

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{{}}'::text[] as columns,
    0 as position
from found
where excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not excused
order by position

-- name: count
select
    d.kind,
    count(*)
from ({differences}) as d
group by d.kind

-- name: differs
case when {column_s} is distinct from {column_r} then {name} end
