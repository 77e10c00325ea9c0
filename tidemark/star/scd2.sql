-- reserved in: dimension

-- Rebuild the timeline of the natural keys that a batch touches (docs/scd2.md).
--
-- {landing}     l: the incoming versions, with lineage columns
-- {dimension}   d: the dimension
-- {confirmed}   c: instants at which a version was seen again, unchanged
-- {known}       k: what these say of the keys that landed, as observations (a work table)
-- {timeline}    t: the rebuilt timelines of the keys (a work table)
-- {clock}       when the source showed the incoming versions, if they may be plans; else null
-- {nk} {type2} {type1} {untracked}   its columns by role: natural key, attributes; {attributes} are all
-- Columns that start with _ are Tidemark's.

-- Earlier observations of the keys are versions and their deletes, and their confirmations. In the order
-- of the keys, one look-up finds in memory much of what the one before it has read.
-- name: know
select
    {d.attributes},
    case when o._live then d.{surrogate} end as _key,
    case when o._live then d.valid_from end as _known_from,
    case when o._live then d.valid_to end as _known_to,
    case when o._live then d.changed_at else d.valid_to end as _raw_at,
    o._live,
    o._live and d.is_inferred as _inferred,
    case when o._live then d._batch_id else d._deleted_batch_id end as _batch_id,
    case when o._live then d._seq else d._deleted_seq end as _seq
from (
    select distinct {nk}
    from {landing}
    order by {nk}
) as l
inner join {dimension} as d on {l.nk = d.nk}
inner join (values (true), (false)) as o (_live) on o._live or d.is_deleted

-- name: know_confirmed
insert into {known} ({attributes}, _raw_at, _live, _inferred, _batch_id, _seq)
select
    {k.attributes},
    c.confirmed_at,
    true,
    false,
    c._batch_id,
    c._seq
from {known} as k
inner join {confirmed} as c
    on {k.nk = c.nk} and c.confirmed_at >= k._raw_at and c.confirmed_at < k._known_to
where not k._inferred

-- What of the rule can matter to a batch: whether any key was deleted; and whether any has an inferred
-- member, or was seen in a batch that landed again.
-- name: look
select
    coalesce(k.has_deletes, false) or coalesce(l.has_deletes, false) as has_deletes,
    coalesce(k.has_inferred or l.since <= k.last_batch, false) as has_more
from (
    select
        bool_or(not _live) as has_deletes,
        bool_or(_inferred) as has_inferred,
        max(_batch_id) as last_batch
    from {known}
) as k
cross join (
    select
        bool_or(_deleted_at is not null) as has_deletes,
        min(_batch_id) as since
    from {landing}
) as l

-- The versions, one for each segment of equal state, with their bounds; new confirmations; and versions
-- and confirmations that are to be removed. Only window functions combine observations: the planner knows
-- nothing of them, and might join them by a nested loop. Nearly all windows are in the order of time, and
-- no query of this statement is read twice unless it has to be, so that PostgreSQL sorts once.
-- name: rebuild
with {ranked},

{told},

-- A segment starts where the state differs from that of the row before. At one instant, a delete comes
-- before a return. All segments get the type-1 attributes of the last observation.
compared as (
    select
        {nk},
        {type2},
        {last_value(type1) over timeline as type1},
        {untracked},
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        bool_or(_was_inferred) over timeline as _was_inferred,
        (
            _live is distinct from lag(_live) over timeline
            or _live and {type2 is distinct from lag(type2) over timeline}
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (
        partition by {nk} order by _at, _live
        rows between unbounded preceding and unbounded following
    )
),

-- A segment continues the first known version in it, and keeps its surrogate key. The others are
-- superseded. (Observations that neither start a segment nor are versions stand apart.)
continued as (
    select
        *,
        case
            when _instant_key is not null then _instant_key
            when not lead(_starts) over timeline then lead(_instant_key) over timeline
        end as _version_key,
        case
            when _instant_key is not null then _at
            when not lead(_starts) over timeline then lead(_at) over timeline
        end as _version_at,
        case
            when _instant_key is not null then _instant_to
            when not lead(_starts) over timeline then lead(_instant_to) over timeline
        end as _version_to,
        not _starts
        and _instant_key is not null
        and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
            as _is_superseded
    from compared
    window timeline as (
        partition by {nk}, _starts or _instant_key is not null order by _at, _live
    )
),

-- A version ends where the next segment starts. Of two segments in a row one is live.
bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        case
            when lead(_live) over timeline then lead(_at) over timeline
            else lead(_at, 2) over timeline
        end as _next_version_at,
        count(*) filter (where _live) over timeline = 1 as _is_first
    from continued
    window timeline as (partition by {nk}, _starts order by _at, _live)
)

select
    {attributes},
    _at as changed_at,
    case
        when not _starts then null
        when _is_first and ({from_beginning} or _was_inferred) then least(_at, {beginning})
        else _at
    end as valid_from,
    case when _starts then coalesce(_next_at, {end}) end as valid_to,
    case when _starts then _next_at is null end as is_current,
    case when _starts then coalesce(not _next_live, false) end as is_deleted,
    _batch_id,
    _seq,
    case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
    case when _starts and not _next_live then _next_seq end as _deleted_seq,
    case
        when _starts then 'version'
        when _is_superseded then 'superseded'
        else 'confirmation'
    end as _role,
    case
        when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
        when _is_superseded then _instant_key
    end as _key,
    case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
    case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
    -- Facts may have to move to a version that is new, or that begins earlier or ends later.
    case
        when _starts
            then _version_key is null
                or _at < _version_at
                or coalesce(_next_at, {end}) > _version_to
    end as _grew,
    case when _starts then _version_to = {end} and _next_at is not null end as _closes,
    not _starts as _confirms
from bounded
where _live

-- Beside them, versions and confirmations of plans that were withdrawn.
-- name: removed
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
    case when _rank = 1 and _instant_key is not null then 'superseded' else 'withdrawn' end
        as _role,
    case when _rank = 1 then _instant_key end as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes,
    false as _confirms
from ranked
where _withdrawn and (_rank = 1 or _key is null)

-- Everything that was ever seen of these keys, at its place in time.
-- name: changes
observed as (
    select
        {attributes},
        _key,
        _known_from,
        _known_to,
        _raw_at,
        _live,
        _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from {known}
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

{arrived},

{judged},

-- Batches up to `since` did not know the columns `added`. Their observations are taken to have had the
-- first value that the key shows there: so no version begins because of the column itself. A key that
-- was seen after `since` has values of its own.
counted as (
    select
        {lasting},
        {case
            when added is null and _batch_id <= since and coalesce(_seen, 0) <= since
                then first_value(added) over (
                    whole order by added is null and _batch_id <= since, _batch_id, _seq, _live desc
                )
            else added
        end as added},
        _key,
        _known_to,
        _raw_at,
        _live,
        _batch_id,
        _seq,
        _inferred_key,
        _was_inferred,
        _was_deleted,
        _withdrawn,
        _is_judge,
        _is_judged
    from judged
    window whole as (partition by {nk})
),

{placed},

-- Of several observations of one instant the latest counts. The version that began at that instant
-- keeps its surrogate key all the same, so that its facts need not move.
ranked as (
    select
        {attributes},
        _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _inferred_key,
        _withdrawn,
        bool_or(_was_inferred) over instant as _was_inferred,
        row_number() over instant as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        case
            when _withdrawn then '-infinity'
            when _is_judge then max(_at) filter (where not _withdrawn and _is_judged) over whole
            else _at
        end as _told_at
    from placed
    where _live or _at is not null
    window
        whole as (partition by {nk}),
        instant as (
            partition by {nk}, _at, _live order by {withdrawn}, _batch_id desc, _seq desc
            rows between unbounded preceding and unbounded following
        )
)

-- What is known of the key as a whole: the last batch that showed it, its inferred member if that is
-- not filled yet, and whether it reaches back to the beginning of time, as an inferred member does,
-- filled or not; and whether it was ever deleted. (The order is that in which `ranked` needs most keys.)
-- name: some_arrived
summed_up as (
    select
        *,
        max(_batch_id) filter (where not _incoming and not _inferred) over whole as _seen,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred,
        bool_or(not _live) over whole as _was_deleted
    from observed
    window whole as (
        partition by {nk} order by _raw_at, _live, _batch_id desc, _seq desc
        rows between unbounded preceding and unbounded following
    )
),

-- Batches are applied in ascending order. So a batch that the key has seen already is a replay, and is
-- left out. From here on only the place of an observation among those of its key counts. (A version
-- that an older Tidemark deleted has the batch of its delete.)
arrived as (
    select *
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
)

-- The same where no key that landed has an inferred member, was deleted, or was seen in the batch before.
-- name: all_arrived
arrived as (
    select
        *,
        null::bigint as _seen,
        null::{key_type} as _inferred_key,
        _known_from < _raw_at as _was_inferred,
        false as _was_deleted
    from observed
)

-- A delete counts only if the observation before it was live.
-- name: moved
deleting as (
    select
        *,
        not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
    from counted
    where _was_deleted
    window arrival as (partition by {nk}, _withdrawn order by _batch_id, _seq, _live desc)
),

ticking as (
    select
        *,
        interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
    from deleting
    window arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
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
    from ticking
    window arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
),

-- A return is placed at the delete at the earliest. A delete of a deleted key takes the place of that
-- delete; a delete of a key that never existed has no place (null). Nothing moves in keys without deletes.
placed as (
    select
        {attributes},
        _raw_at as _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _known_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _is_judge,
        _is_judged
    from counted
    where not _was_deleted
    union all
    select
        {attributes},
        case
            when not _live or max(_deleted_at) over arrival > _raw_at
                then max(_deleted_at) over arrival
            else _raw_at
        end as _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _known_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _is_judge,
        _is_judged
    from deletes_placed
    window arrival as (partition by {nk} order by _batch_id, _seq, _live desc)
)

-- Without deletes, nothing moves.
-- name: not_moved
placed as (
    select
        *,
        _raw_at as _at
    from counted
)

-- The same where the landed rows are all observations of their keys. A known version counts only as the
-- holder of a surrogate key: it keeps it if an observation of its instant is live, and else it is
-- withdrawn. Of several observations of one instant the last one counts.
-- name: observations
shown as (
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
        {attributes},
        _raw_at as _at,
        true as _live,
        _batch_id,
        _seq,
        _key,
        _known_from,
        _known_to,
        _inferred,
        true as _withdrawn
    from {known}
    where _live
),

summed_up as (
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
),

-- A key that ends has no type-1 values to tell.
ranked as (
    select
        *,
        case when _withdrawn or not _live then '-infinity' else _at end as _told_at
    from summed_up
    where not _inferred
)

-- Type-1 values are those of the observation with the latest time (_told_at). If that one was
-- withdrawn, the observation that withdrew it counts in its place.
-- name: told
told as (
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
    from ranked
    window whole as (
        partition by {nk} order by _told_at, _live, _batch_id, _seq
        rows between unbounded preceding and unbounded following
    )
)

-- Without plans that is the latest one.
-- name: not_told
told as (
    select *
    from ranked
)


-- The timelines of rows that landed, where nothing else is known.
-- name: as_known
with landed as (
    {landed}
),

known as (
    select
        {attributes},
        null::{key_type} as _key,
        null::timestamptz as _known_from,
        null::timestamptz as _known_to,
        null::timestamptz as _raw_at,
        null::boolean as _live,
        null::boolean as _inferred,
        null::bigint as _batch_id,
        null::bigint as _seq
    from landed
    where false
)

select {t.written}
from (
    {timeline}
) as t
where t._role = 'version'
order by {t.nk}, t.valid_from

-- Whether the dimension is empty and each key landed once. Then each row is a version as it is, and no
-- timeline has to be built.
-- name: is_first_load
select
    not exists (select 1 from {dimension} where {surrogate} <> 0)
    and not exists (
        select 1 from {landing}
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
using (
    select t._key
    from {timeline} as t
    where t._role = 'superseded'
) as t
where d.{surrogate} = t._key

-- What is compared as text is compared by its bytes here, since Citus calls no function in the condition
-- of an update that is only stable, as the spelling of an interval or an enum is.
-- name: update
update {dimension} as d
set ({changing}, is_inferred) = ({t.changing}, false)
from (
    select
        t._key,
        {t.changing}
    from {timeline} as t
    where t._role = 'version'
) as t
where
    d.{surrogate} = t._key
    and (
        {d.valued is distinct from t.valued}
        {or record_image_ne(row(d.texts), row(t.texts))}
        or d.is_inferred
    )

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
where t._confirms and not exists (
    select 1 from {confirmed} as c
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
left join {timeline} as v on v._role = 'version' and {t.nk = v.nk}
where d.is_inferred and v._role is null

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
        false as _is_judge,
        false as _is_judged
    from arrived
)

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
        lag(_raw_at) over arrival > _clock as _judges,
        row_number() over arrival as _place
    from arrived
    window
        arrival as (partition by {nk} order by _batch_id, _seq, _live desc),
        later as (
            partition by {nk} order by _batch_id desc, _seq desc, _live
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
        _place = max(_place) filter (where _judges) over whole as _is_judge,
        _place <= max(_place) filter (where _judges) over whole as _is_judged
    from clocked
    window
        whole as (partition by {nk}),
        earlier as (
            partition by {nk} order by _batch_id, _seq, _live desc
            rows between unbounded preceding and 1 preceding
        )
)

-- name: seen_by_then
least({at}, {seen_at})
