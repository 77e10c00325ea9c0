-- reserved in: payload

-- Two relations with the same columns, on two servers. Each has the columns of the key, those that
-- are compared, and _pending. {rows} is a subquery.

-- Ranges are those of the key's hash: that works for keys of any type, and the ranges are of about
-- one size. A range's checksum depends neither on the order of its rows nor on the server's encoding.
-- name: checksums
select
    left(md5(convert_to(row({r.key})::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(('x' || left(md5(convert_to(row({r.values})::text, 'UTF8')), 16))::bit(64)::bigint)
    filter (where not r._pending)
from {rows} as r
group by 1

-- name: in_ranges
(
    select {r.columns}
    from {rows} as r
    where left(md5(convert_to(row({r.key})::text, 'UTF8')), 3) = any ({ranges}::text[])
)

-- The differences; the first row has the number of excused ones. A pending row is no difference, and
-- neither is what the other side has under its key.
-- name: differences
with sent as (
    select
        {s.columns},
        true as _is_here
    from {sent} as s
),

kept as (
    select
        {r.values},
        true as _is_here
    from {kept} as r
),

found as materialized (
    select
        array[{coalesce(s.key, r.key)::text}] as key,
        case
            when r._is_here is null then 'missing'
            when s._is_here is null then 'surplus'
            else 'changed'
        end as kind,
        case
            when r._is_here and s._is_here
                then array_remove(
                    array[
                        {(case when s.attributes is distinct from r.attributes then labels end)},
                        null::text
                    ],
                    null
                )
            else '{{}}'
        end as columns,
        ({excused_if}) is true as is_excused,
        row_number() over (
            order by s._is_here is null, r._is_here is null, {coalesce(s.key, r.key)}
        ) as position
    from sent as s
    full join kept as r on {s.key = r.key}
    where
        (
            s._is_here is null
            or r._is_here is null
            or {s.compared is distinct from r.compared}
        )
        and s._pending is not true
)

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{{}}'::text[] as columns,
    0 as position
from found
where is_excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not is_excused
order by position

-- name: count
with sent as (
    select
        {s.values},
        true as _is_here
    from {sent} as s
),

kept as (
    select
        {r.values},
        true as _is_here
    from {kept} as r
)

select
    count(*) filter (where r._is_here is null) as missing,
    count(*) filter (where s._is_here is null) as surplus,
    count(*) filter (where s._is_here and r._is_here) as changed
from sent as s
full join kept as r on {s.key = r.key}
where
    s._is_here is null
    or r._is_here is null
    or {s.compared is distinct from r.compared}
