-- COPY between two servers.

-- name: drop
drop table if exists {landing}

-- name: create
create unlogged table {landing} ({columns})

-- name: create_temporary
create temporary table {landing} ({columns})

-- name: truncate
truncate table {landing}

-- name: has_rows
select
    {place} as place,
    exists (select from {landing}) as has_rows

-- name: send
copy ({query}) to stdout (format {form})

-- name: part
select {columns} from ({query}) as q

-- name: analyze
analyze {landing}

-- name: export_snapshot
select pg_export_snapshot()
