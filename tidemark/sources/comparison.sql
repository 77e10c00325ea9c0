-- All rows of a PostgreSQL source.

-- name: clock
select clock_timestamp()

-- name: is_late
t.{watermark} >= {low}

-- name: late_keys
select array[{t.key::text}]
from {source} as t
where {late}
limit {limit}

-- name: compared
(
    select
        {t.columns::text as columns},
        {pending} as _pending
    from {source} as t
)
