-- reserved in: key

-- Versions that broke a check before they were published.

-- Keys of another layer are read by the types of STG's.
-- name: keep
insert into tidemark.suspect (area, entity, key, batch_id, check_name)
select
    {area},
    {entity},
    jsonb_build_object({'key', m.key::text}),
    m._batch_id,
    {check}
from jsonb_array_elements({keys}::jsonb) as k (key)
cross join lateral jsonb_populate_record(null::{mirror}, k.key) as p
inner join {mirror} as m on {m.key = p.key}
where m._deleted_at is null
on conflict do nothing

-- name: keep_all
insert into tidemark.suspect (area, entity, key, batch_id, check_name)
select
    {area},
    {entity},
    '{{}}',
    b.batch_id,
    {check}
from tidemark.applied_batch as b
where b.area = {area} and b.batch_id > {after}
on conflict do nothing

-- name: entities
select
    entity,
    bool_or(until is null) as is_new
from tidemark.suspect
where area = %(area)s
group by entity

-- A suspect was replaced in time if another version of its key came before the next publish.
-- name: without
select {v.columns}
from ({versions}) as v
where not exists (
    select
    from tidemark.suspect as s
    where
        s.area = {area}
        and s.entity = {entity}
        and s.batch_id = v._batch_id
        and (s.key = '{{}}' or s.key = jsonb_build_object({'key', v.key::text}))
        and (
            exists (
                select
                from {mirror} as n
                where
                    {n.key = v.key}
                    and n._batch_id > v._batch_id
                    and n._batch_id <= coalesce(
                        s.until,
                        case when s.batch_id <= {published} then {published} else n._batch_id end
                    )
            )
            or exists (
                select
                from {history} as n
                where
                    {n.key = v.key}
                    and n._batch_id > v._batch_id
                    and n._batch_id <= coalesce(
                        s.until,
                        case when s.batch_id <= {published} then {published} else n._batch_id end
                    )
            )
        )
)

-- name: settle
update tidemark.suspect as s
set until = p.batch_id
from unnest(%(entities)s::text[], %(batches)s::bigint[]) as p (entity, batch_id)
where
    s.area = %(area)s
    and s.entity = p.entity
    and s.until is null
    and s.batch_id <= p.batch_id
