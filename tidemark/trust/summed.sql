-- Aggregates and what their facts say.

-- {said}  what the SELECT says of all grains; {kept} the table
-- {grain}  the columns of the grain, in which null equals null; {rest} the others

-- name: counts
select
    (
        select count(*)
        from {said}
    ),
    (
        select count(*)
        from {kept}
    )

-- name: differences
select
    case
        when bool_and(c._is_said) then 'missing'
        when not bool_or(c._is_said) then 'surplus'
        else 'changed'
    end as kind,
    array[{coalesce(c.grain::text, 'null')}] as key,
    array_remove(
        array[
            {(case
                when min(c.rest::text) filter (where c._is_said)
                    is distinct from min(c.rest::text) filter (where not c._is_said)
                    then 'rest'
            end)},
            null::text
        ],
        null
    ) as columns
from (
    select
        {grain},
        {rest},
        true as _is_said
    from {said}
    union all
    select
        {grain},
        {rest},
        false as _is_said
    from {kept}
) as c
group by {c.grain}
having
    count(*) filter (where c._is_said) <> 1
    or count(*) filter (where not c._is_said) <> 1
    or {(min(c.rest::text) filter (where c._is_said)) is distinct from (min(c.rest::text) filter (where not c._is_said))}
order by {c.grain}
