-- reserved in: dimension

-- Rebuild the timeline of the natural keys that a batch touches (docs/scd2.md).
--
-- {landing}     l: the incoming versions, with lineage columns
-- {dimension}   d: the dimension
-- {confirmed}   c: instants at which a version was seen again, unchanged
-- {clock}       when the source showed them, if they may be plans; else null
-- {nk} {type2} {type1} {untracked}   its columns by role: natural key, attributes; {attributes} are all
-- Columns that start with _ are Tidemark's.
--
-- Three steps, each made of the one before. The last two are work tables; the first is one where rows may
-- be plans, which look at it twice, and else a part of the second:
-- {placed}      all observations of the keys, of this batch and earlier ones, each at its place in time
-- {segmented}   the observations that hold, in segments of equal state
-- {timeline}    t: the versions, one for each segment, with their bounds

-- Everything that was ever seen of these keys, at its place in time. Earlier observations are versions,
-- their deletes and their confirmations; new ones come from {landing}. They are combined by window
-- functions alone: the planner knows nothing of `observed`, and might join it by a nested loop.
-- name: place
with known as (
    select
        {d.attributes},
        d.{surrogate} as _key,
        d.changed_at,
        d.valid_from,
        d.valid_to,
        d.is_deleted,
        d.is_inferred,
        d._batch_id,
        d._seq,
        d._deleted_batch_id,
        d._deleted_seq
    from (select distinct {nk} from {landing}) as l
    inner join {dimension} as d on {l.nk = d.nk}
),

observed as (
    select
        {attributes},
        _key,
        valid_from as _known_from,
        valid_to as _known_to,
        changed_at as _raw_at,
        true as _live,
        is_inferred as _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from known
    union all
    select
        {attributes},
        null as _key,
        null as _known_from,
        null as _known_to,
        valid_to as _raw_at,
        false as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        _deleted_batch_id as _batch_id,
        _deleted_seq as _seq
    from known
    where is_deleted
    union all
    select
        {k.attributes},
        null as _key,
        null as _known_from,
        null as _known_to,
        c.confirmed_at as _raw_at,
        true as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        c._batch_id,
        c._seq
    from known as k
    inner join {confirmed} as c
        on {k.nk = c.nk} and c.confirmed_at >= k.changed_at and c.confirmed_at < k.valid_to
    where not k.is_inferred
    union all
    select
        {attributes},
        null as _key,
        null as _known_from,
        null as _known_to,
        case
            when _deleted_at is null then {effective}
            when {is_by_sight} or {effective} > {clock} then _deleted_at
            else greatest(_deleted_at, {effective} + interval '1 microsecond')
        end as _raw_at,
        _deleted_at is null as _live,
        false as _inferred,
        true as _incoming,
        {clock} as _clock,
        _batch_id,
        _seq
    from {landing}
),

-- What is known of the key as a whole: the last batch that showed it, its inferred member if that is
-- not filled yet, and whether it reaches back to the beginning of time, as an inferred member does,
-- filled or not.
summed_up as (
    select
        *,
        max(_batch_id) filter (where not _incoming and not _inferred) over whole as _seen,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred
    from observed
    window whole as (partition by {nk})
),

-- Batches are applied in ascending order. So a batch that the key has seen already is a replay, and is
-- left out. From here on only the place of an observation among those of its key counts. (A version
-- that an older Tidemark deleted has the batch of its delete.)
arrived as (
    select
        *,
        row_number() over (partition by {nk} order by _batch_id, _seq, _live desc) as _place
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
),

{judged},

-- A delete counts only if the observation before it was live.
remaining as (
    select
        *,
        not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
    from judged
    window arrival as (partition by {nk}, _withdrawn order by _batch_id, _seq, _live desc)
),

-- Batches up to `since` did not know the columns `added`. Their observations are taken to have had the
-- first value that the key shows there: so no version begins because of the column itself. A key that
-- was seen after `since` has values of its own.
counted as (
    select
        {lasting},
        {case
            when added is null and _batch_id <= since and coalesce(_seen, 0) <= since
                then first_value(added) over (
                    whole order by added is null and _batch_id <= since, _place
                )
            else added
        end as added},
        _key,
        _known_to,
        _raw_at,
        _live,
        _batch_id,
        _seq,
        _place,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _judge,
        _deletes,
        interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
    from remaining
    window
        whole as (partition by {nk}),
        arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
),

-- A delete is placed at least a tick (a microsecond) after everything that earlier batches showed,
-- whatever the clocks say: a row with a stamp ahead of the clock must not come back by itself. Earlier
-- deletes were moved too. Ticks are subtracted inside of the maximum and added outside, so that each
-- delete comes a tick after the place that the one before it was given.
deletes_placed as (
    select
        *,
        case
            when _deletes
                then max(_raw_at - _ticks)
                    filter (where (_live or _deletes) and not _withdrawn) over arrival
                    + _ticks
        end as _deleted_at
    from counted
    window arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
),

-- A return is placed at the delete at the earliest. A delete of a deleted key takes the place of that
-- delete; a delete of a key that never existed has no place (null).
placed as (
    select
        *,
        case
            when not _live or max(_deleted_at) over arrival > _raw_at
                then max(_deleted_at) over arrival
            else _raw_at
        end as _at
    from deletes_placed
    window arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
),

-- Of several observations of one instant the latest counts. The version that began at that instant
-- keeps its surrogate key all the same, so that its facts need not move.
ranked as (
    select
        *,
        row_number() over (instant order by _withdrawn, _place desc) as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        {judged_to} as _judged_to
    from placed
    where _live or _at is not null
    window
        instant as (partition by {nk}, _at, _live),
        whole as (partition by {nk})
)

-- Type-1 values are those of the observation with the latest time (_told_at). If that one was
-- withdrawn, the observation that withdrew it counts in its place.
select
    {attributes},
    _at,
    case
        when _withdrawn then '-infinity'
        when _place = _judge then _judged_to
        else _at
    end as _told_at,
    _live,
    _batch_id,
    _seq,
    _place,
    _key,
    _instant_key,
    _instant_to,
    _inferred_key,
    _was_inferred,
    _withdrawn,
    _rank
from ranked

-- The same where the landed rows are all observations of their keys. A known version counts only as the
-- holder of a surrogate key: it keeps it if an observation of its instant is live, and else it is
-- withdrawn. Of several observations of one instant the last one counts.
-- name: place_observations
with shown as (
    select distinct on ({nk}, {effective})
        {attributes},
        {effective} as _at,
        {live} as _live,
        _batch_id,
        _seq
    from {landing}
    where _deleted_at is null
    order by {nk}, {effective}, {order desc}
),

observed as (
    select
        {attributes},
        _at,
        _live,
        _batch_id,
        _seq,
        null::{key_type} as _key,
        null::timestamptz as _known_from,
        null::timestamptz as _known_to,
        false as _inferred,
        false as _withdrawn
    from shown
    union all
    select
        {d.attributes},
        d.changed_at as _at,
        true as _live,
        d._batch_id,
        d._seq,
        d.{surrogate} as _key,
        d.valid_from as _known_from,
        d.valid_to as _known_to,
        d.is_inferred as _inferred,
        true as _withdrawn
    from (select distinct {nk} from {landing}) as l
    inner join {dimension} as d on {l.nk = d.nk}
),

ranked as (
    select
        *,
        row_number() over (instant order by _withdrawn) as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _at) over whole as _was_inferred
    from observed
    window
        whole as (partition by {nk}),
        instant as (partition by {nk}, _inferred, _at, _live)
)

-- A key that ends has no type-1 values to tell.
select
    {attributes},
    _at,
    case when _withdrawn or not _live then '-infinity' else _at end as _told_at,
    _live,
    _batch_id,
    _seq,
    0::bigint as _place,
    _key,
    _instant_key,
    _instant_to,
    _inferred_key,
    coalesce(_was_inferred, false) as _was_inferred,
    _withdrawn,
    _rank
from ranked
where not _inferred

-- name: within
({place})

-- The observations that hold, in segments of equal state. All segments get the type-1 attributes of
-- the last observation.
-- name: segment
with told as (
    select
        {nk},
        {type2},
        {last_value(type1) over whole as type1},
        {untracked},
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _rank
    from {placed} as p
    window whole as (
        partition by {nk} order by {told_at}, _live, _place
        rows between unbounded preceding and unbounded following
    )
),

-- A segment starts where the state differs from that of the row before. At one instant, a delete comes
-- before a return.
compared as (
    select
        *,
        (
            _live is distinct from lag(_live) over timeline
            or _live and {type2 is distinct from lag(type2) over timeline}
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (partition by {nk} order by _at, _live)
),

numbered as (
    select
        *,
        count(*) filter (where _starts) over timeline as _segment
    from compared
    window timeline as (partition by {nk} order by _at, _live)
)

-- A segment continues the first known version in it, and keeps its surrogate key.
select
    {attributes},
    _at,
    _live,
    _batch_id,
    _seq,
    _instant_key,
    _inferred_key,
    _was_inferred,
    _starts,
    first_value(_instant_key) over known_first as _version_key,
    first_value(_at) over known_first as _version_at,
    first_value(_instant_to) over known_first as _version_to
from numbered
window known_first as (partition by {nk}, _segment order by _instant_key is null, _at)

-- The versions, each from the start of its segment to the start of the next one. Rows with other roles
-- are new confirmations, and versions and confirmations that are to be removed.
-- name: bound
with bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        count(*) filter (where _live) over timeline = 1 as _is_first,
        min(_at) filter (where _live) over (
            partition by {nk} order by _at, _live
            rows between 1 following and unbounded following
        ) as _next_version_at
    from {segmented}
    where _starts
    window timeline as (partition by {nk} order by _at, _live)
)

select
    {attributes},
    _at as changed_at,
    case
        when _is_first and ({from_beginning} or _was_inferred) then least(_at, {beginning})
        else _at
    end as valid_from,
    coalesce(_next_at, {end}) as valid_to,
    _next_at is null as is_current,
    coalesce(not _next_live, false) as is_deleted,
    _batch_id,
    _seq,
    case when not _next_live then _next_batch_id end as _deleted_batch_id,
    case when not _next_live then _next_seq end as _deleted_seq,
    'version' as _role,
    coalesce(_version_key, case when _is_first then _inferred_key end) as _key,
    case when _is_first then '-infinity' else _at end as _cover_from,
    coalesce(_next_version_at, 'infinity') as _cover_to,
    -- Facts may have to move to a version that is new, or that begins earlier or ends later.
    _version_key is null
    or _at < _version_at
    or coalesce(_next_at, {end}) > _version_to as _grew,
    _version_to = {end} and _next_at is not null as _closes
from bounded
where _live
union all
select
    {attributes},
    _at as changed_at,
    null as valid_from,
    null as valid_to,
    null as is_current,
    null as is_deleted,
    _batch_id,
    _seq,
    null as _deleted_batch_id,
    null as _deleted_seq,
    'confirmation' as _role,
    null as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes
from {segmented}
where _live and not _starts
union all
select
    {attributes},
    _at as changed_at,
    null as valid_from,
    null as valid_to,
    null as is_current,
    null as is_deleted,
    _batch_id,
    _seq,
    null as _deleted_batch_id,
    null as _deleted_seq,
    'superseded' as _role,
    _instant_key as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes
from {segmented}
where _instant_key <> _version_key

-- Versions and confirmations of plans that were withdrawn.
-- name: withdraw
insert into {timeline} ({attributes}, changed_at, _batch_id, _seq, _role, _key)
select
    {attributes},
    _at,
    _batch_id,
    _seq,
    case when _rank = 1 and _instant_key is not null then 'superseded' else 'withdrawn' end,
    case when _rank = 1 then _instant_key end
from {placed}
where _withdrawn and (_rank = 1 or _key is null)

-- Whether the dimension is empty and each key landed once. Then each row is a version as it is, and no
-- timeline has to be built.
-- name: is_first_load
select
    not exists (select from {dimension} where {surrogate} <> 0)
    and not exists (
        select from {landing}
        where _deleted_at is not null or _batch_id is distinct from _first_batch_id or _seq <> 0
    )

-- name: fill
insert into {dimension} ({written})
select
    {attributes},
    case when {from_beginning} then least({effective}, {beginning}) else {effective} end,
    {end},
    true,
    false,
    {effective},
    _batch_id,
    _seq,
    null,
    null
from {landing}

-- Versions that the rebuilt timeline no longer has. They are deleted first, so that a key never has two
-- current versions: the unique index would refuse that.
-- name: delete
delete from {dimension} as d
using {timeline} as t
where d.{surrogate} = t._key and t._role = 'superseded'

-- name: update
update {dimension} as d
set ({changing}, is_inferred) = ({t.changing}, false)
from {timeline} as t
where
    d.{surrogate} = t._key
    and t._role = 'version'
    and ({d.changing is distinct from t.changing} or d.is_inferred)

-- name: insert
insert into {dimension} ({written})
select {written}
from {timeline}
where _role = 'version' and _key is null

-- name: withdraw_confirmations
delete from {confirmed} as c
using {timeline} as t
where
    t._role in ('superseded', 'withdrawn')
    and {t.nk = c.nk}
    and c.confirmed_at = t.changed_at

-- name: confirm
insert into {confirmed} ({nk}, confirmed_at, _batch_id, _seq)
select
    {t.nk},
    t.changed_at,
    t._batch_id,
    t._seq
from {timeline} as t
where t._role = 'confirmation' and not exists (
    select from {confirmed} as c
    where
        {t.nk = c.nk}
        and c.confirmed_at = t.changed_at
        and c._batch_id = t._batch_id
        and c._seq = t._seq
)
on conflict ({nk}, confirmed_at) do update
set _batch_id = excluded._batch_id, _seq = excluded._seq

-- An inferred member in place of versions that were withdrawn, as a version of their timeline.
-- name: take_over
insert into {timeline} ({nk}, valid_from, _role, _cover_from, _cover_to, _grew)
select
    {d.nk},
    d.valid_from,
    'version',
    '-infinity',
    'infinity',
    true
from (select distinct {nk} from {timeline} where _role = 'superseded') as t
inner join {dimension} as d on {t.nk = d.nk}
where
    d.is_inferred
    and not exists (
        select
        from {timeline} as v
        where v._role = 'version' and {v.nk = d.nk}
    )

-- How many versions are written.
-- name: examine
select
    count(*) filter (where _role = 'version' and _key is null) as inserted,
    count(*) filter (where _role = 'superseded') as deleted,
    count(*) filter (where _closes) as closed
from {timeline}

-- name: keep_since
insert into tidemark.added_column (dimension, column_name, since_batch)
select
    %(dimension)s,
    c.name,
    c.since
from unnest(%(columns)s::text[], %(since)s::bigint[]) as c (name, since)
on conflict do nothing

-- name: since
select
    dimension,
    column_name,
    since_batch
from tidemark.added_column
where dimension = any (%(dimensions)s)

-- Without plans, no observation is ever withdrawn.
-- name: not_judged
judged as (
    select
        *,
        false as _withdrawn,
        null::bigint as _judge
    from arrived
)

-- The latest place in time that a later batch could judge.
-- name: judged_to
max(_at) filter (where not _withdrawn and _place <= _judge) over whole

-- An observation is withdrawn if it had not begun by the clock of a later batch that shows the key. A
-- delete is withdrawn together with the version that it ended, a tick before it. If the later batch
-- finds the key deleted, a plan is withdrawn only if something else of the key remains: facts need a
-- version to point at (decision 7).
-- name: judged
clocked as (
    select
        *,
        min(_clock) filter (where _live) over later as _shown_at,
        min(_clock) over later as _judged_at,
        lag(_raw_at) over arrival > _clock as _judges
    from arrived
    window
        arrival as (partition by {nk} order by _batch_id, _seq, _live desc),
        later as (
            partition by {nk} order by _place desc
            rows between unbounded preceding and 1 preceding
        )
),

judged as (
    select
        *,
        coalesce(
            case when _live then _raw_at else _raw_at - interval '1 microsecond' end > _shown_at
            or _live
            and _raw_at > _judged_at
            and bool_or(_live and (_raw_at > _shown_at) is not true) over earlier,
            false
        ) as _withdrawn,
        max(_place) filter (where _judges) over (partition by {nk}) as _judge
    from clocked
    window earlier as (
        partition by {nk} order by _batch_id, _seq, _live desc
        rows between unbounded preceding and 1 preceding
    )
)

-- name: seen_by_then
least({at}, {seen_at})
