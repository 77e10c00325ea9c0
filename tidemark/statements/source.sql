-- Reading a PostgreSQL source.

-- name: export_snapshot
select pg_export_snapshot()

-- name: limits
set local statement_timeout = {statement_timeout};
set local lock_timeout = {lock_timeout}

-- name: rows
select {columns} from {source} where {condition}

-- name: named
({key}) in (select {key} from {keys} as named)

-- name: count
select count(*) from {source} where {condition}
