-- reserved in: key, dimension

-- Rows that must not exist in a star schema.

-- Versions that overlap, leave a gap that no delete explains, or are current although they have
-- ended.
-- name: broken_versions
select
    {place}::int as place,
    array[{v.nk::text}] as key,
    v._what as what
from (
    select
        {nk},
        case
            when _next_from < valid_to then 'versions overlap'
            when _next_from > valid_to and not is_deleted then 'a gap that no delete explains'
            when is_current <> (valid_to = {end}) then 'is_current does not say which one is open'
            when is_current and _next_from is not null then 'more than one current version'
        end as _what
    from (
        select
            {d.nk},
            d.valid_to,
            d.is_current,
            d.is_deleted,
            lead(d.valid_from) over (partition by {d.nk} order by d.valid_from) as _next_from
        from {dimension} as d
        where d.{surrogate} <> 0 and {is_looked_at}
    ) as versions
) as v
where v._what is not null

-- name: has_landed
({d.nk}) in (
    select {l.nk}
    from {landing} as l
)

-- name: is_any
true

-- Facts that do not point at the version in force at their event time. If none was in force, they
-- have to point at the one before it; if there is none before it, at the first.
-- name: misplaced_facts
select array[{f.nk::text}]
from {fact} as f
left join {dimension} as d on f.{column} = d.{surrogate}
where
    f.{column} <> 0
    and (
        d.{surrogate} is null
        or not (d.valid_from <= {at} and {at} < d.valid_to)
        and d.{surrogate} <> {nearest}
    )
order by 1
