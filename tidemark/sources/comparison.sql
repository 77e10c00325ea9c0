-- All rows of a PostgreSQL source.

-- name: clock
select clock_timestamp()

-- name: is_late
{watermark} >= {low}

-- name: late_keys
select array[{key::text}]
from {source}
where {late}
limit {limit}

-- name: compared
(
    select
        {columns::text as columns},
        {pending} as _pending
    from {source}
)
