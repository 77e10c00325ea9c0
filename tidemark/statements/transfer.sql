-- COPY between two servers.

-- name: drop
drop table if exists {landing}

-- name: create
create unlogged table {landing} ({columns})

-- name: create_temporary
create temporary table {landing} ({columns})

-- name: truncate
truncate table {landing}

-- name: send
copy ({query}) to stdout (format {form})

-- name: part
select {columns} from ({query}) as q

-- name: analyze
analyze {landing}

-- name: export_snapshot
select pg_export_snapshot()
