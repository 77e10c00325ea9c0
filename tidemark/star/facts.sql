-- reserved in: fact

-- Facts: each dimension key is the version in force at the event time.

-- {fact}       f: the fact table; {nk} is its natural key, {changing} what else is written:
--              {texts} are compared as text, and {valued} are not
-- {landing}    l: facts as they landed; {landed_nk} has the natural key there
-- {resolved}   r: landed facts with their keys
-- {written}    w: those that a step has written
-- {dimension}  d, x: one that facts point at; {nk} is its natural key there

-- name: is_empty
select not exists (
    select 1
    from {fact}
    limit 1
)

-- Days first: a day is found by arithmetic, its month by a calendar.
-- name: months
select distinct date_trunc('month', days.day at time zone 'UTC')::date
from (
    select distinct date_bin('1 day', l.{event_time}, timestamptz '2000-01-01 00:00+00') as day
    from {landing} as l
) as days

-- name: years
select distinct extract(year from days.day)::int as year
from (select distinct {day} as day from {landing} as l) as days
where days.day is not null

-- name: unknown_years
select distinct y.year
from (
{years}
) as y
left join dwh_dim_date as d on y.year * 10000 + 101 = d.date_key
where d.date_key is null

-- name: ensure_partitions
select tidemark.ensure_month_partitions({table}, array({months}))

-- Landed facts with their keys. The join finds the version in force. If there is none (before the first
-- version, or after a delete), the subquery takes the latest version that began before, else the first.
-- The key stays null if the dimension has no version of the natural key.
-- A fact that STG first saw after the last published batch can't be in the table. Only the others are
-- looked for (_may_be_here), since a look asks the index of every partition (decision 4).
-- name: resolve
select
    {l.landed as stored},
    {l.members as found_by},
    {coalesce(surrogate, nearest) as columns},
    {coalesce(to_char(days, 'YYYYMMDD')::integer, unknown_dates) as date_keys},
    {l._deleted_at is not null as soft},
    l._batch_id,
    l._first_batch_id <= {applied} as _may_be_here
from {landing} as l
{left join in_force}
where l._deleted_at is null or {is_soft} and l._first_batch_id <= {applied}

-- name: remove
delete from {fact} as f
using {landing} as l
where l._deleted_at is not null and {f.nk = l.landed_nk}

-- name: to_remove
(
    select f.*
    from {fact} as f
    inner join {landing} as l on {f.nk = l.landed_nk}
    where l._deleted_at is not null
)

-- Facts of these keys, unless this batch has brought them.
-- name: discard
delete from {fact} as f
using {gone} as g
where {f.nk = g.landed_nk}

-- name: to_discard
(
    select f.*
    from {fact} as f
    inner join {gone} as g on {f.nk = g.landed_nk}
)

-- name: gone
(
    select {k.landed_nk}
    from {keys} as k
    left join {landing} as l on {k.landed_nk = l.landed_nk}
    where l._batch_id is null
)

-- The latest version of a natural key that began at an instant or before, else the first one. If a
-- version is in force at that instant, it is this one.
-- name: nearest
(
    select x.{surrogate}
    from {dimension} as x
    where {x.nk = known.by}
    order by
        x.valid_from <= {at} desc,
        case when x.valid_from <= {at} then x.valid_from end desc,
        x.valid_from
    limit 1
)

-- name: in_force
{dimension} as {d}
    on
        {d.nk = l.by}
        and {d}.valid_from <= {at}
        and {d}.valid_to > {at}

-- The key columns that are null in some landed fact, in one pass over the facts; and whether a fact
-- that landed may be in the table, to be amended or deleted.
-- name: lacking
select
    array_remove(
        array[{case when bool_or(columns is null) then 'columns' end}, null]::text[], null
    ) as lacking,
    coalesce(bool_or(_may_be_here), false)
    or exists (
        select 1
        from {landing} as l
        where l._deleted_at is not null
    ) as some_may_be_here
from {resolved}

-- name: unknown
(select {by as nk} from {resolved} where {column} is null)

-- By now each natural key that a fact names has a member, which was inferred.
-- name: resolve_inferred
update {resolved} as r
set {column} = x.{surrogate}
from {dimension} as x
where r.{column} is null and {x.nk = r.by}

-- name: resolve_unknown
update {resolved} as r
set {column} = 0
where r.{column} is null

-- Most amended facts keep their event time, and so stay in their partition. What is compared as text is
-- compared by its bytes here: in the condition of an update, Citus calls no function that is only stable,
-- as the spelling of an interval or an enum is. At worst a fact is written again as it is.
-- name: update
update {fact} as f
set ({changing}, _batch_id) = ({r.changing}, r._batch_id)
from {resolved} as r
where
    r._may_be_here
    and {f.nk = r.nk}
    and f.{event_column} = r.{event_column}
    and (
        {f.valued is distinct from r.valued}
        {or record_image_ne(row(f.texts), row(r.texts))}
    )

-- name: to_update
(
    select f.*
    from {fact} as f
    inner join {resolved} as r
        on
            {f.nk = r.nk}
            and f.{event_column} = r.{event_column}
    where r._may_be_here and {f.changing is distinct from r.changing}
)

-- Landed facts that are written by now. They become a table of their own: of a join by two columns of
-- which the one follows from the other, the planner expects one row, and might go through {resolved}
-- again for each.
-- name: updated
select {r.nk}
from {fact} as f
inner join {resolved} as r
    on
        {f.nk = r.nk}
        and f.{event_column} = r.{event_column}
where r._may_be_here

-- name: drop_written
delete from {resolved} as r
using {written} as w
where {r.nk = w.nk}

-- name: some_are_left
select exists (
    select 1
    from {resolved}
    where _may_be_here
)

-- The others are looked for in every partition. A fact whose event time has changed may move to another
-- partition; it keeps its surrogate key.
-- name: redate
update {fact} as f
set ({changing}, _batch_id) = ({r.changing}, r._batch_id)
from {resolved} as r
where r._may_be_here and {f.nk = r.nk}

-- name: to_redate
(
    select f.*
    from {fact} as f
    inner join {resolved} as r on {f.nk = r.nk}
    where r._may_be_here
)

-- name: redated
select {r.nk}
from {fact} as f
inner join {resolved} as r on {f.nk = r.nk}
where r._may_be_here

-- name: insert
insert into {fact} ({nk}, {changing}, _batch_id)
select
    {r.nk},
    {r.changing},
    r._batch_id
from {resolved} as r

-- Facts that are not in the landing table, which holds all facts of STG.
-- name: remove_surplus
delete from {fact} as f
using (
    select
        {s.nk},
        s.{event_column} as _event_time
    from {fact} as s
    left join {landing} as l on {s.nk = l.landed_nk}
    where l._batch_id is null
) as g
where {f.nk = g.nk} and f.{event_column} = g._event_time
