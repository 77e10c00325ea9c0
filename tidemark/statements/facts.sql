-- Facts: each dimension key is the version in force at the event time.

-- name: is_empty
select not exists (select from {fact})

-- name: months
select distinct date_trunc('month', l.{event_time} at time zone 'UTC')::date
from {landing} as l

-- name: days
select distinct extract(year from l.{date})::int
from {landing} as l
where l.{date} is not null

-- Landed facts with their keys. The join finds the version in force; where there is none (before
-- the first version, or after a delete) the subquery takes the latest that began before, else the
-- first. A fact without a natural key points at the unknown member.
-- name: resolved
select
    {columns},
    {keys},
    l._batch_id
from {landing} as l
{joins}
where {condition}

-- name: key
coalesce(
    {alias}.{surrogate},
    (
        select x.{surrogate}
        from {dimension} as x
        where {x_is_l}
        order by
            x.valid_from <= l.{event_time} desc,
            case when x.valid_from <= l.{event_time} then x.valid_from end desc,
            x.valid_from
        limit 1
    ),
    0
) as {column}

-- name: join
left join {dimension} as {alias}
    on
        {alias_is_l}
        and {alias}.valid_from <= l.{event_time}
        and {alias}.valid_to > l.{event_time}

-- name: date_key
coalesce(to_char(l.{date}, 'YYYYMMDD')::integer, 0) as {column}

-- Rows that the layer below had before this delta may be here already; the others can't be.
-- name: may_be_known
l._first_batch_id <= {applied}

-- name: new
l._first_batch_id > {applied}

-- name: insert
insert into {fact} ({written})
select {written_r}
from ({resolved}) as r

-- name: drop_amended
drop table if exists {amended}

-- name: amended
create unlogged table {amended} as
{resolved}

-- Most amended facts stay where they are in time, and so in their partition.
-- name: update
update {fact} as f
set ({written}) = ({written_r})
from {amended} as r
where {same_key} and {same_time} and ({compared_f}) is distinct from ({compared_r})

-- name: drop_found
delete from {amended} as r
using {fact} as f
where {same_key} and {same_time}

-- The others are looked for in every partition. A fact whose event time moved is moved: it keeps
-- its surrogate key.
-- name: move
update {fact} as f
set ({written}) = ({written_r})
from {amended} as r
where {same_key}

-- name: insert_missing
insert into {fact} ({written})
select {written_r}
from {amended} as r
where not exists (select from {fact} as f where {same_key})

-- Facts that change hands: those of {timeline}'s versions that are here already, from the instant
-- on at which another version covers them. Only versions whose interval grew take facts over.
-- name: moves
select
    d.{surrogate} as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from {timeline} as t
inner join {dimension} as d on {t_is_d} and d.valid_from = t.valid_from
inner join {timeline} as o on {t_is_o} and o._key <> d.{surrogate}
where t._role = 'version' and t._grew and o._role in ('version', 'superseded')

-- name: moves_span
select
    min(v._cover_from)::text,
    max(v._cover_to)::text
from ({moves}) as v

-- History that was inserted before facts that are here already: point them at the version that
-- now covers their event time. The span is of all the moves together; as constants, its ends leave
-- the planner the partitions that matter, mostly one.
-- name: repoint
update {fact} as f
set {column} = v.new_key
from ({moves}) as v
where
    f.{column} = v.old_key
    and f.{event_time} >= v._cover_from
    and f.{event_time} < v._cover_to
    and f.{event_time} >= %(span_from)s::timestamptz
    and f.{event_time} < %(span_to)s::timestamptz
