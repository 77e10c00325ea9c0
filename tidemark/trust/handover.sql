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

-- Natural keys that facts point at, and of which no version is left.
-- name: lost
(
    select distinct {o.nk}
    from (
        select
            b.{surrogate},
            {b.nk}
        from {before} as b
        left join {dimension} as d on {b.nk = d.nk}
        where d.{surrogate} is null
    ) as o
    inner join {fact} as f on o.{surrogate} = f.{column}
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
