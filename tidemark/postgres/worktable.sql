-- Tables of a hop's own, for as long as it works: unlogged, and gone when it is done.

-- name: make
drop table if exists {table};
create unlogged table {table} as
{query}

-- name: analyze
analyze {table}

-- name: drop
drop table if exists {tables}
