-- reserved in: key

-- Versioned mirrors: one current row per key, replaced versions in the history.
-- {incoming} is a relation with the payload columns, the key and the lineage columns,
-- and one row per key.

-- name: is_empty
select not exists (select from {mirror})

-- name: fill
insert into {mirror} ({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    {i.payload},
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from {incoming} as i

-- The rows that the mirror has already, looked up once for all later statements. No other process
-- writes to the mirror meanwhile (`locks.writing`), so a row keeps its place (ctid).
-- name: find
select
    {m.key},
    m.ctid as _row,
    greatest(m._batch_id, i._batch_id) as _replaced_by,
    (
        {rewrite}
        or {m.compared is distinct from i.compared}
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
from {incoming} as i
inner join {mirror} as m on {m.key = i.key}

-- Whether a key of the mirror came twice, once unchanged and once changed, which no constraint would
-- notice. (A key that came changed both times breaks the key of the history, and a new key that came
-- twice breaks that of the mirror.) And how many rows will be updated.
-- The new keys are written beside.
-- name: insert_examined
with inserted as (
    insert into {mirror} ({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
    select
        {i.payload},
        i._batch_id,
        i._seq,
        i._batch_id,
        i._extracted_at,
        i._deleted_at
    from {incoming} as i
    where not exists (
        select
        from {found} as f
        where {f.key = i.key}
    )
    returning 1
)

select
    exists (
        select
        from {found} as f
        inner join {found} as o on f._row = o._row
        where f._differs and not o._differs
    ) as is_repeated,
    (
        select count(*)
        from {found}
        where _differs
    ) as updated,
    (select count(*) from inserted) as inserted

-- The version that a batch replaces, before it is replaced.
-- name: keep_history
insert into {history}
({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at, _replaced_by)
select
    {m.payload},
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at,
    f._replaced_by
from {found} as f
inner join {mirror} as m on f._row = m.ctid
where f._differs

-- name: update
update {mirror} as m
set
    ({payload}, _batch_id, _seq, _extracted_at, _deleted_at)
    = ({i.payload}, i._batch_id, i._seq, i._extracted_at, i._deleted_at)
from {found} as f
inner join {incoming} as i on {f.key = i.key}
where m.ctid = f._row and f._differs

-- name: has_rows
select
    {entity} as entity,
    exists (select from {mirror}) as has_rows

-- A relation of given natural keys.
-- name: key_rows
(select {typed as names} from unnest({arrays::text[]}) as k ({names}))
