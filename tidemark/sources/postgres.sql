-- Reading a PostgreSQL source.

-- name: limits
set local statement_timeout = {statement_timeout};
set local lock_timeout = {lock_timeout}

-- name: rows
select {columns} from {source} where {condition}

-- name: named
({key}) in (select {key} from {keys} as named)

-- name: count
select count(*) from {source} where {condition}

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
