-- Indexes of a table that is filled for the first time.

-- name: drop
select tidemark.drop_indexes(%(table)s)
