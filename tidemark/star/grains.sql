-- The grains of facts, and which of them a batch touches.

-- {fact}     f: a fact table, by the name that expressions of grains know; {key} finds a row of it
-- {changed}  c: facts that the batch changes, with the grains that they had
-- {grain}    columns of a grain; {expression} is what they are of a fact's row

-- A fact's rows, and what they point at.
-- name: row
{rows} as {f}

-- name: row_with_dimensions
{rows} as {f}
{left join dimension as alias on link}

-- name: link
{f}.{column} = {alias}.{surrogate}

-- name: cast
({expression})::{type}

-- name: grains
select {expression as grain}
from {row}

-- Facts that are about to change, and the grains that they have. Where they are in the end is sought
-- by their keys.
-- name: note_old
insert into {changed} ({keys}, {olds}, _was_here, _is_sought, _aggregates)
select
    {f.key},
    {expression},
    true,
    {is_sought},
    {aggregates}::int[]
from {row}

-- Facts that are about to come, or to move: their grains are known when all is written.
-- name: note_new
insert into {changed} ({keys}, _was_here, _is_sought, _aggregates)
select
    {r.key},
    false,
    true,
    {aggregates}::int[]
from {resolved} as r

-- Grains that facts leave, or enter.
-- name: note_grains
insert into {changed} ({olds}, _was_here, _is_sought, _aggregates)
select distinct
    {expression},
    true,
    false,
    {aggregates}::int[]
from {row}

-- Facts as they are about to be written: {resolved} r has all columns that the expressions read.
-- name: landed
(
    select {value as column}
    from {resolved} as r
)

-- name: landed_again
(
    select {value as column}
    from {resolved} as r
    inner join {changed} as c on {r.key = c.keys}
    where c._was_here and not c._is_sought
)

-- name: value
r.{column}::{type}

-- name: no_value
null::{type}

-- name: had
select {c.olds as grain}
from {changed} as c
where c._was_here and {number} = any(c._aggregates)

-- name: have
select {expression as grain}
from {row}

-- name: still_here
(
    select f.*
    from (
        select distinct {keys}
        from {changed}
        where _is_sought and {number} = any(_aggregates)
    ) as c
    inner join {fact} as f on {f.key = c.keys}
)
