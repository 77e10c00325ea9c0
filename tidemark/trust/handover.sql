-- Facts of other areas, and the versions of a rebuilt dimension that they point at.

-- {fact}       f: the fact table; {column} points at the dimension
-- {before}     b: the versions that the dimension had
-- {dimension}  d: the versions that it has

-- name: keep
select
    {surrogate},
    {nk}
from {dimension}
where {surrogate} <> 0

-- Natural keys that facts point at: what `infer` makes a member for, if no version is left.
-- name: lost
(
    select distinct {b.nk}
    from {before} as b
    inner join {fact} as f on b.{surrogate} = f.{column}
)

-- name: repoint
update {fact} as f
set {column} = {nearest}
from {before} as b
left join {dimension} as d on b.{surrogate} = d.{surrogate}
where
    f.{column} = b.{surrogate}
    and (d.{surrogate} is null or not (d.valid_from <= {at} and {at} < d.valid_to))
    and f.{column} <> {nearest}
