-- Rows that the source has deleted: in the mirror, and not among the source's keys.

-- name: drop_missing
drop table if exists {missing}

-- name: find_missing
create unlogged table {missing} as
select {payload_m}
from {mirror} as m
where m._deleted_at is null and not exists (select from {keys} as k where {m_is_k})

-- name: count
select
    (select count(*) from {missing}),
    (select count(*) from {mirror} where _deleted_at is null)

-- name: count_missing
select
    (
        select count(*)
        from {mirror} as m
        where m._deleted_at is null and not exists (select from {keys} as k where {m_is_k})
    ),
    (select count(*) from {mirror} where _deleted_at is null)

-- name: incoming
(
    select
        {payload},
        {batch_id}::bigint as _batch_id,
        {extracted_at}::timestamptz as _extracted_at,
        {extracted_at}::timestamptz as _deleted_at
    from {missing}
)

-- name: traces
select
    entity,
    trace
from tidemark.delete_trace
where area = %(area)s

-- name: forget
delete from tidemark.delete_trace where area = %(area)s and entity = %(entity)s

-- name: remember
insert into tidemark.delete_trace (area, entity, trace, batch_id)
values (%(area)s, %(entity)s, %(trace)s, %(batch_id)s)
on conflict (area, entity) do update set trace = excluded.trace, batch_id = excluded.batch_id
