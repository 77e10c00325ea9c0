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

-- Facts that are about to change, and the grains that they have.
-- name: note_old
insert into {changed} ({keys}, {olds}, _was_here, _aggregates)
select
    {f.key},
    {expression},
    true,
    {aggregates}::int[]
from {row}

-- Facts that are about to come, or to move: their grains are known when all is written.
-- name: note_new
insert into {changed} ({keys}, _was_here, _aggregates)
select
    {r.key},
    false,
    {aggregates}::int[]
from {resolved} as r

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
        where {number} = any(_aggregates)
    ) as c
    inner join {fact} as f on {f.key = c.keys}
)
