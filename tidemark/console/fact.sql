-- One fact, and the versions that it points at.

-- An event time that moved may have left the fact in another month: a key has one row all the same.
-- name: facts
select
    {event_time} as happened_at,
    f._batch_id,
    {f.columns::text}
from {fact} as f
where {f.nk = values::types}
limit 10

-- name: member
select
    d.{surrogate},
    array[{d.nk::text}],
    d.valid_from,
    d.valid_to,
    d.is_inferred,
    d._batch_id
from {dimension} as d
where d.{surrogate} = %(surrogate)s
