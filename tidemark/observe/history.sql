-- The versions of one natural key.

-- name: versions
select
    {to_json(structured)},
    {columns}
from {dimension}
where {nk = values::types}
order by valid_from

-- name: facts
select
    {column},
    count(*)
from {fact}
where {column} = any (%(keys)s)
group by {column}

-- name: most_versions
select {nk}
from {dimension}
where {surrogate} <> 0
group by {nk}
order by count(*) desc, {nk}
limit 1

-- name: natural_key
select {d.nk::text}
from {dimension} as d
where d.{surrogate} = %(surrogate)s
