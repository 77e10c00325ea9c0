-- A mirror follows its source.

-- name: add
alter table {table} add column {column} {type}

-- name: retype
alter table {table} alter column {column} type {type}
