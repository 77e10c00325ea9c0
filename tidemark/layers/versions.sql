-- reserved in: payload

-- Several versions of a key in a versioned mirror, in the order of _batch_id and _seq.
--
-- {incoming}  the versions that came, with lineage columns, and whether one _follows another
-- {arrived}   these, and the rows that the mirror has of their keys, with the mirror's types
-- {ordered}   v: the versions among them that change something, and the rows that they replace
-- {key} {carried}   the columns of the payload: its key, and the others

-- name: arrive
insert into {arrived} ({payload}, _batch_id, _seq, _extracted_at, _deleted_at, _follows)
select
    {payload},
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    _follows
from {incoming} as i

-- The rows that the mirror has. They come before all others of their key, whatever their batch.
-- name: arrive_behind
insert into {arrived}
({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at, _follows, _here)
select
    {m.payload},
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at,
    false,
    m.ctid
from (select distinct {key} from {arrived}) as a
inner join {mirror} as m on {m.key = a.key}

-- Each version is compared with the one before it, and left out if it is equal. A version that
-- _follows has no payload of its own: it takes that of the last one that has (_behind counts these).
-- It is left out if there is none, or if the key was deleted since (_is_gone): a row that is only
-- shown again must not bring a deleted key back. Two versions with one place have no order, which is
-- an error (_is_repeated).
-- name: order
with placed as (
    select
        *,
        count(*) filter (where not _follows) over arrival as _behind
    from {arrived}
    window arrival as (partition by {key} order by _here is null, _batch_id, _seq)
),

filled as (
    select
        {key},
        {first_value(carried) over behind as carried},
        _batch_id,
        _seq,
        _first_batch_id,
        _extracted_at,
        _deleted_at,
        _here,
        _follows and _deleted_at is null and bool_or(_deleted_at is not null) over behind as _is_gone
    from placed
    where _behind > 0
    window behind as (partition by {key}, _behind order by _here is null, _batch_id, _seq)
),

compared as (
    select
        *,
        first_value(_here) over arrival as _replaces,
        first_value(coalesce(_first_batch_id, _batch_id)) over arrival as _first_seen,
        (
            row_number() over arrival = 1
            or _batch_id = any ({rewrite}::bigint[])
            or _deleted_at is distinct from lag(_deleted_at) over arrival
            or {compared is distinct from lag(compared) over arrival}
        ) as _differs,
        _here is null
        and (_batch_id, _seq, true)
        = (lag(_batch_id) over arrival, lag(_seq) over arrival, lag(_here) over arrival is null)
            as _is_repeated
    from filled
    where not _is_gone
    window arrival as (partition by {key} order by _here is null, _batch_id, _seq)
)

select
    {payload},
    _batch_id,
    _seq,
    _first_seen as _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaces,
    _here is not null as _is_old,
    _is_repeated,
    greatest(_batch_id, lead(_batch_id) over arrival) as _replaced_by,
    lead(_batch_id) over arrival is null as _is_last
from compared
where _differs or _is_repeated
window arrival as (partition by {key} order by _here is null, _batch_id, _seq)

-- name: examine
select
    coalesce(bool_or(_is_repeated), false) as is_repeated,
    count(*) filter (where not _is_last) as updated
from {ordered}

-- name: keep
insert into {history}
({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at, _replaced_by)
select
    {payload},
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from {ordered}
where not _is_last

-- name: update
update {mirror} as m
set
    ({payload}, _batch_id, _seq, _extracted_at, _deleted_at)
    = ({v.payload}, v._batch_id, v._seq, v._extracted_at, v._deleted_at)
from {ordered} as v
where m.ctid = v._replaces and v._is_last and not v._is_old

-- name: insert
insert into {mirror} ({payload}, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    {payload},
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
from {ordered}
where _is_last and _replaces is null
