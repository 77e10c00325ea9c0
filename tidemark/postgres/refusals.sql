-- What can be found out about a refused row, once its transaction has been rolled back.

-- name: count
select
    {count(columns)},
    count(*)
from {view}

-- Rows without a value in a column that has to have one; only of those that would be stored.
-- name: lacking
select count(*)
from {view}
where {column} is null and reject_reasons = '{{}}' and _deleted_at is null

-- name: repeated_key
select array[{key::text}]
from {landing}
group by {key}
having count(*) > 1
order by 1
limit 1
