-- Tables of a hop's own. They are unlogged, since nobody needs them when the hop has ended.

-- name: empty
select tidemark.empty_work_table({table}, {names}::text[], {types}::text[])

-- name: take
select tidemark.take_alone({table})

-- name: fill
insert into {table} ({columns})
select {columns}
from (
{query}
) as q

-- name: make
drop table if exists {table};
create unlogged table {table} as
{query}

-- name: drop
drop table if exists {table}

-- name: analyze
analyze {table}

-- name: analyze_columns
analyze {table} ({columns})
