-- An aggregate's table follows its facts.

-- {touched}   t: the grains to compute; {grain} are its columns
-- {computed}  the view that computes their rows, or a table with them
-- {table}     a: the aggregate

-- name: touch
insert into {touched} ({grain})
select distinct {grain}
from (
{found}
) as g

-- name: every
select {grain}
from {grains}

-- A grain without facts has no row any more.
-- name: remove
delete from {table} as a
using {touched} as t
where {a.grain = t.grain}

-- Null is a value of a grain like any other. These are apart: only `=` can be hashed.
-- name: remove_nulls
delete from {table} as a
using {touched} as t
where
    num_nulls({t.grain}) > 0
    and num_nulls({a.grain}) > 0
    and not {a.grain is distinct from t.grain}

-- name: empty
delete from {table}

-- name: evaluate
select {columns}
from {computed}

-- name: compute
insert into {table} ({columns})
select {columns}
from {computed}
