-- A table that is filled for the first time, and its indexes.

-- Taken before the table is examined. Rows of another session are then either in the table already,
-- or are written after this transaction.
-- name: lock
lock table {table} in access exclusive mode

-- Whether it may be truncated: it is empty (a dimension never is, for its unknown member), and no
-- foreign key refers to it. And whether it may be altered: it has no foreign key of its own. Rows
-- that wait for the check of a foreign key forbid to alter their table.
-- name: may
select
    not exists (
        select 1
        from {table}
        limit 1
    )
    and not exists (
        select 1 from pg_constraint
        where contype = 'f' and confrelid = %(table)s::regclass
    ),
    not exists (
        select 1 from pg_constraint
        where contype = 'f' and conrelid = %(table)s::regclass
    )

-- name: truncate
truncate {table}

-- name: drop
select tidemark.drop_indexes(%(table)s)
