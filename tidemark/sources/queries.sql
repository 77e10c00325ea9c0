-- Queries that are read as if they were tables.

-- name: relation
(
{query}
) as query

-- Names without a schema mean the same as in every other session, also in a privileged one.
-- name: as_usual
set local search_path = public
