-- reserved in: staged

-- Versions of STG that differ from the one before them, and have its time of change.

-- name: count
select count(*)
from (
{versions}
) as v
cross join lateral (
    select
        {h.columns},
        h._extracted_at,
        h._deleted_at
    from {history} as h
    where {h.key = v.key} and (h._batch_id, h._seq) < (v._batch_id, v._seq)
    order by h._batch_id desc, h._seq desc
    limit 1
) as o
where
    (v._first_batch_id < v._batch_id or v._seq > 0)
    and v._deleted_at is null
    and o._deleted_at is null
    and o.{effective} = v.{effective}
    and o._extracted_at < v._extracted_at
    and {at} <= v._extracted_at
    and {o.type2 is distinct from v.type2}
