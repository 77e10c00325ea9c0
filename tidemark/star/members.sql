-- {dimension}  d: the dimension; {nk} is its natural key
-- {unknown}    u: natural keys that facts name

-- Placeholders for natural keys that a fact names and no version has.
-- name: infer
insert into {dimension}
({nk}, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
select distinct
    {u.nk},
    {beginning},
    {end},
    true,
    true,
    {beginning},
    %(batch_id)s::bigint
from {unknown} as u
left join {dimension} as d on {u.nk = d.nk}
where num_nulls({u.nk}) = 0 and d.valid_from is null
