-- Reading the tables of a PostgreSQL source.

-- name: limits
set local statement_timeout = {statement_timeout};
set local lock_timeout = {lock_timeout}
