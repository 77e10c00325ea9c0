-- The facts that point at the versions of a dimension.

-- The latest ones of those that point at some versions.
-- name: dots
select
    f.{column},
    {event_time} as happened_at,
    array[{f.nk::text}]
from {fact} as f
where f.{column} = any (%(keys)s)
order by happened_at desc
limit %(most)s
