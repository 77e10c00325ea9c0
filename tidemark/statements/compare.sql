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
    array[{key_texts}],
    case
        when r._is_here is null then 'missing'
        when s._is_here is null then 'surplus'
        else 'changed'
    end as kind,
    case
        when r._is_here and s._is_here then array_remove(array[{differing}], null)
        else '{{}}'
    end
from (select {columns}, true as _is_here from {sent} as r) as s
full join (select {kept_columns}, true as _is_here from {kept} as r) as r on {s_is_r}
where
    (
        s._is_here is null
        or r._is_here is null
        or ({values_s}) is distinct from ({values_r})
    )
    and s._pending is not true
    and not ({excuse})
order by kind, {key_order}

-- name: count
select
    d.kind,
    count(*)
from ({differences}) as d
group by d.kind

-- name: differs
case when {column_s} is distinct from {column_r} then {name} end
