-- reserved in: fact

-- Facts that are there already, and the versions that they point at.

-- {fact}       f: a fact table; {column} points at the dimension
-- {dimension}  d: its versions; {timeline} t: those of the keys that landed

-- The keys of which no version is left, and that facts point at.
-- name: orphaned
(
    select distinct {o.nk}
    from (
        select
            t._key,
            {t.nk}
        from {timeline} as t
        left join {dimension} as d on {t.nk = d.nk}
        where t._role = 'superseded' and d.{surrogate} is null
    ) as o
    inner join {fact} as f on o._key = f.{column}
)

-- Which facts of which version have to point at another one: those whose event time another version of
-- the key covers now. Only a version whose interval grew can take facts of another version over. The
-- facts of a superseded version all have to move. Only versions have a valid_from: `t._role` is not asked
-- for, since the planner would expect one row in 200 where it has no statistics yet, and nest loops.
-- name: handovers
select
    d.{surrogate} as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from {timeline} as t
inner join {dimension} as d on {t.nk = d.nk} and d.valid_from = t.valid_from
inner join {timeline} as o on {t.nk = o.nk} and o._key <> d.{surrogate}
where t._grew and o._role = 'version' or o._role = 'superseded'

-- Null while the fact table is empty: then nothing has to be repointed.
-- name: handovers_span
select
    min(v._cover_from)::text as span_from,
    max(v._cover_to)::text as span_to
from ({handovers}) as v
where exists (
    select 1
    from {fact}
    limit 1
)

-- Existing facts get the version that now covers their event time. The span is that of all handovers
-- together. Its ends are constants, so the planner reads only the partitions in it, mostly one.
-- name: repoint
update {fact} as f
set {column} = v.new_key
from ({handovers}) as v
where {is_handed_over}

-- name: is_handed_over
f.{column} = v.old_key
and {at} >= v._cover_from
and {at} < v._cover_to
and {near}

-- name: handed_over
(
    select f.*
    from {fact} as f
    inner join ({handovers}) as v on {is_handed_over}
)

-- name: in_span
{event_column} >= %(span_from)s::timestamptz and {event_column} < %(span_to)s::timestamptz

-- Of facts with times or dates of some zone, which is less than a day away.
-- name: near_span
{event_column} >= %(span_from)s::timestamptz at time zone 'UTC' - interval '1 day'
and {event_column} < %(span_to)s::timestamptz at time zone 'UTC' + interval '1 day'

-- Versions that change in some columns, or go, and the keys that get new ones. (An inferred member that
-- becomes known changes.)
-- name: moving
select
    t._key,
    {t.nk}
from {timeline} as t
left join {dimension} as d on t._key = d.{surrogate}
where
    t._role = 'superseded'
    or t._role = 'version'
    and (t._key is null or d.is_inferred or {d.used is distinct from t.used})

-- name: of_versions
(
    select f.*
    from {fact} as f
    where f.{column} in (
        select m._key
        from (
            {moving}
        ) as m
    )
)

-- name: of_members
(
    select f.*
    from {fact} as f
    inner join {dimension} as d on f.{column} = d.{surrogate}
    where ({d.nk}) in (
        select {m.nk}
        from (
            {moving}
        ) as m
    )
)
