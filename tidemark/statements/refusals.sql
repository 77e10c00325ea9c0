-- What can be found out about a refused row afterwards.

-- name: count
select {counts} from {view}

-- Rows that are to be stored, and lack a column.
-- name: lacking
select count(*)
from {view}
where {column} is null and reject_reasons = '{{}}' and _deleted_at is null
