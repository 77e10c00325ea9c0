-- Reading a PostgreSQL source.

-- name: rows
select {columns}
from {source}
where {condition}

-- name: named
({key}) in (select {key} from {keys} as named)

-- name: count
select count(*)
from {source}
where {condition}
