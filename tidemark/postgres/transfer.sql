-- COPY between two servers.

-- name: drop
drop table if exists {landing}

-- name: create
create unlogged table {landing} ({names types})

-- name: create_temporary
create temporary table {landing} ({names types})

-- name: send
copy ({query}) to stdout (format {form})

-- name: part
select
    {columns},
    1
from ({query}) as q

-- name: export_snapshot
select pg_export_snapshot() as snapshot
