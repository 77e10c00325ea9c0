-- What can be found out about a refused row after its transaction has been rolled back.

-- name: count
select
    {count(columns)},
    count(*)
from {view}

-- How many rows have no value in a column that must have one, among the rows that would be stored.
-- name: lacking
select count(*)
from {view}
where {column} is null and reject_reasons = '{{}}' and _deleted_at is null

-- name: repeated_key
select array[{key::text}]
from {landing}
where num_nulls({key}) = 0
group by {key}
having count(*) > 1
order by 1
limit 1
