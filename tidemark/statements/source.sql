-- Reading a PostgreSQL source.

-- name: export_snapshot
select pg_export_snapshot()

-- A snapshot is idle while its rows stream on other connections; a source that ends idle transactions
-- sooner would end that one too.
-- name: limits
set local statement_timeout = {statement_timeout};
set local lock_timeout = {lock_timeout};
set local idle_in_transaction_session_timeout = 0

-- name: rows
select {columns} from {source} where {condition}

-- name: named
({key}) in (select {key} from {keys} as named)

-- name: count
select count(*) from {source} where {condition}
