-- Reading a PostgreSQL source.

-- name: export_snapshot
select pg_export_snapshot()

-- name: rows
select {columns} from {source} where {condition}

-- name: count
select count(*) from {source} where {condition}
