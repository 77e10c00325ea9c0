-- Rebuild the timeline of the natural keys that a batch touches (docs/scd2.md).
--
-- {landing}     the incoming versions, with lineage columns
-- {dimension}   the dimension
-- {confirmed}   instants at which a version was seen again, unchanged
-- {nk} {type2} {type1} {rest}   its columns: natural key, and the others by role
-- Columns that start with _ are ours.

-- name: drop
drop table if exists {timeline}

-- name: rebuild
create unlogged table {timeline} as
with touched as (
    select distinct {nk} from {landing}
),

known as (
    select
        {attributes_d},
        d.{surrogate} as _key,
        d.changed_at,
        d.valid_from,
        d.valid_to,
        d.is_deleted,
        d.is_inferred,
        d._batch_id
    from touched as t
    inner join {dimension} as d on {t_is_d}
),

-- Everything that was ever seen of these keys: before (versions, their deletes, and the times at
-- which they were seen again), and now.
observed as (
    select
        {attributes},
        _key,
        changed_at as _raw_at,
        true as _live,
        false as _incoming,
        _batch_id
    from known
    where not is_inferred
    union all
    select
        {attributes},
        null,
        valid_to,
        false,
        false,
        _batch_id
    from known
    where is_deleted
    union all
    select
        {attributes_k},
        null,
        c.confirmed_at,
        true,
        false,
        c._batch_id
    from known as k
    inner join {confirmed} as c
        on {k_is_c} and c.confirmed_at >= k.changed_at and c.confirmed_at < k.valid_to
    where not k.is_inferred
    union all
    select
        {attributes},
        null,
        case
            when _deleted_at is null then {effective}
            else greatest(_deleted_at, {effective} + interval '1 microsecond')
        end,
        _deleted_at is null,
        true,
        _batch_id
    from {landing}
),

-- A delete comes after all that was seen before it, and a return not before the delete, whatever
-- the source's clocks say. "Before" is the order of the batches.
deletes_placed as (
    select
        *,
        case
            when _live then null
            when not _incoming then _raw_at
            else greatest(_raw_at, max(_raw_at) over earlier + interval '1 microsecond')
        end as _deleted_at
    from observed
    window earlier as (
        partition by {nk} order by _batch_id
        range between unbounded preceding and 1 preceding
    )
),

placed as (
    select
        *,
        case
            when not _live then _deleted_at
            when not _incoming then _raw_at
            else greatest(_raw_at, max(_deleted_at) over earlier)
        end as _at
    from deletes_placed
    window earlier as (
        partition by {nk} order by _batch_id
        range between unbounded preceding and 1 preceding
    )
),

-- Of what was seen for the same instant, the latest batch counts. The instant keeps its version's
-- surrogate key, whichever wins.
ranked as (
    select
        *,
        row_number() over (
            partition by {nk}, _at, _live order by _batch_id desc, _incoming desc, _key
        ) as _rank,
        max(_key) over (partition by {nk}, _at, _live) as _instant_key
    from placed
),

-- A version starts where the state differs from the one before; at one instant the delete comes
-- before the return.
compared as (
    select
        *,
        lag(_live) over timeline is null
        or _live is distinct from lag(_live) over timeline
        or _live and {type2_differ} as _starts
    from ranked
    where _rank = 1
    window timeline as (partition by {nk} order by _at, _live)
),

segmented as (
    select
        *,
        count(*) filter (where _starts) over timeline as _segment,
        {latest_type1}
    from compared
    window
        timeline as (partition by {nk} order by _at, _live),
        whole as (
            partition by {nk} order by _at, _live
            rows between unbounded preceding and unbounded following
        )
),

-- The segment keeps the surrogate key of the oldest version that fell into it.
keyed as (
    select
        *,
        min(_instant_key) over (partition by {nk}, _segment) as _version_key
    from segmented
),

bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        count(*) filter (where _live) over timeline = 1 as _is_first,
        min(_at) filter (where _live) over (
            partition by {nk} order by _at, _live
            rows between 1 following and unbounded following
        ) as _next_version_at
    from keyed
    where _starts
    window timeline as (partition by {nk} order by _at, _live)
)

select
    {attributes_b_type1},
    b._at as changed_at,
    case
        when b._is_first and ({from_beginning} or i._key is not null)
            then least(b._at, {beginning})
        else b._at
    end as valid_from,
    coalesce(b._next_at, {end}) as valid_to,
    b._next_at is null as is_current,
    coalesce(not b._next_live, false) as is_deleted,
    case
        when not b._next_live then greatest(b._batch_id, b._next_batch_id) else b._batch_id
    end as _batch_id,
    'version' as _role,
    coalesce(b._version_key, case when b._is_first then i._key end) as _key,
    case when b._is_first then '-infinity' else b._at end as _cover_from,
    coalesce(b._next_version_at, 'infinity') as _cover_to,
    -- Facts may have to move to a version that is new, or that begins earlier or ends later.
    k._key is null
    or b._at < k.changed_at
    or coalesce(b._next_at, {end}) > k.valid_to as _grew
from bounded as b
left join known as i on {b_is_i} and i.is_inferred
left join known as k on b._version_key = k._key
where b._live
union all
select
    {attributes},
    _at,
    null,
    null,
    null,
    null,
    _batch_id,
    'confirmation',
    null,
    null,
    null,
    null
from keyed
where _live and not _starts
union all
select
    {attributes_k},
    k.changed_at,
    k.valid_from,
    k.valid_to,
    false,
    k.is_deleted,
    k._batch_id,
    'superseded',
    k._key,
    null,
    null,
    null
from known as k
where
    not k.is_inferred
    and not exists (
        select from keyed as s where {s_is_k} and s._version_key = k._key
    )

-- A version that the rebuilt timeline no longer has. First of all, so that no two versions of a
-- key are current for a moment.
-- name: delete
delete from {dimension} as d
using {timeline} as t
where d.{surrogate} = t._key and t._role = 'superseded'

-- name: update
update {dimension} as d
set
    ({written}, is_inferred) = ({written_t}, false)
from {timeline} as t
where
    d.{surrogate} = t._key
    and t._role = 'version'
    and ({written_d}, d.is_inferred) is distinct from ({written_t}, false)

-- name: insert
insert into {dimension} ({written})
select {written}
from {timeline}
where _role = 'version' and _key is null

-- name: confirm
insert into {confirmed} ({nk}, confirmed_at, _batch_id)
select
    {nk},
    changed_at,
    _batch_id
from {timeline}
where _role = 'confirmation'
on conflict do nothing

-- Placeholders for natural keys that a fact names and no version has.
-- name: infer
insert into {dimension}
({nk}, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
select distinct
    {by},
    {beginning},
    {end},
    true,
    true,
    {beginning},
    %(batch_id)s::bigint
from {landing} as l
where
    num_nulls({by}) = 0
    and not exists (select from {dimension} as d where {d_is_l})

-- Versions of the touched keys that overlap, or leave a gap that no delete explains.
-- name: broken_timelines
select count(*)
from (
    select
        d.valid_to,
        d.is_deleted,
        lead(d.valid_from) over (partition by {nk_d} order by d.valid_from) as next_from
    from (select distinct {nk} from {timeline}) as t
    inner join {dimension} as d on {t_is_d}
) as v
where v.next_from < v.valid_to or v.next_from > v.valid_to and not v.is_deleted

-- name: differ
({now}) is distinct from ({before})

-- name: latest
last_value({column}) over whole as {latest}
