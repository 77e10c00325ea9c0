-- What was known of one key after a batch.

-- Every version of a mirror, with the batch that replaced it.
-- name: versions
select
    {columns},
    null::bigint as _replaced_by
from {mirror}
union all
select
    {columns},
    _replaced_by
from {history}

-- The versions of the key that were there after a batch.
-- name: landed
select v.*
from ({versions}) as v
where {v.nk = values::types} and ({after}::bigint is null or v._batch_id <= {after})

-- The rows of the key that were current then: of observations, all of them together count.
-- name: rows
select v.*
from ({versions}) as v
where
    {v.nk = values::types}
    and ({after}::bigint is null or v._batch_id <= {after})
    and (v._replaced_by is null or v._replaced_by > {after})

-- name: touches
select
    v._batch_id,
    min(v._extracted_at) as seen_at,
    count(*) as versions,
    (array_agg(v._deleted_at is not null order by v._seq desc))[1] as is_delete
from ({versions}) as v
where {v.nk = values::types}
group by v._batch_id
order by v._batch_id
