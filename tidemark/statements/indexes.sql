-- A table that is filled for the first time, and its indexes.

-- Before anything is asked of it: what another session is writing has come, or comes later.
-- name: lock
lock table {table} in access exclusive mode

-- Whether nothing is in it (a dimension has its unknown member), and no foreign key refers to it;
-- and whether none is its own. Its rows would wait to be checked, and no table is altered meanwhile.
-- name: may
select
    not exists (select from {table})
    and not exists (
        select from pg_constraint
        where contype = 'f' and confrelid = %(table)s::regclass
    ),
    not exists (
        select from pg_constraint
        where contype = 'f' and conrelid = %(table)s::regclass
    )

-- name: truncate
truncate {table}

-- name: drop
select tidemark.drop_indexes(%(table)s)
