-- reserved in: key, dimension, fact

-- The rows of an entity in each layer, for `compare`.

-- name: live_rows
(
    select
        {t.columns::text as columns},
        false as _pending
    from {mirror} as t
    where t._deleted_at is null
)

-- Rows that batches after {applied} wrote are pending.
-- name: staged_members
(
    select
        {t.columns::text as columns},
        {effective}::text as _effective,
        t._batch_id > {applied} as _pending
    from {mirror} as t
    where t._deleted_at is null or t._batch_id > {applied}
)

-- name: current_members
(
    select
        {t.columns::text as columns},
        false as _pending
    from {dimension} as t
    where t.is_current and not t.is_inferred and t.{surrogate} <> 0
)

-- The versions that observations tell: where the state differs from that of the observation before, up
-- to the next such instant. A natural key with rows of batches after {applied} is pending as a whole.
-- name: observed_versions
(
    with known as (
        select
            {t.attributes},
            {effective} as _at,
            {live} as _live,
            row_number() over (partition by {t.nk}, {effective} order by {t.order desc}) as _rank,
            bool_or(t._batch_id > {applied}) over (partition by {t.nk}) as _pending
        from {mirror} as t
        where t._deleted_at is null or t._batch_id > {applied}
    ),

    compared as (
        select
            {nk},
            {type2},
            {last_value(type1) over whole as type1},
            {untracked},
            _at,
            _live,
            (
                _live is distinct from lag(_live) over timeline
                or _live and {type2 is distinct from lag(type2) over timeline}
            ) as _starts
        from known
        where _rank = 1 and not _pending
        window
            timeline as (partition by {nk} order by _at),
            whole as (
                partition by {nk} order by _live, _at
                rows between unbounded preceding and unbounded following
            )
    ),

    bounded as (
        select
            *,
            lead(_at) over (partition by {nk} order by _at) as _next_at,
            lead(_live) over (partition by {nk} order by _at) as _next_live
        from compared
        where _starts
    )

    select
        {attributes::text as attributes},
        _at::text as changed_at,
        coalesce(_next_at, {end})::text as valid_to,
        (_next_live is false)::text as is_deleted,
        false as _pending
    from bounded
    where _live
    union all
    select
        {attributes::text as attributes},
        _at::text,
        null,
        null,
        true
    from known
    where _pending
)

-- name: stored_versions
(
    select
        {t.attributes::text as attributes},
        t.changed_at::text as changed_at,
        t.valid_to::text as valid_to,
        t.is_deleted::text as is_deleted,
        false as _pending
    from {dimension} as t
    where not t.is_inferred and t.{surrogate} <> 0
)

-- name: staged_facts
(
    select
        {t.sources::text as columns},
        {coalesce(to_char(days, 'YYYYMMDD')::integer, unknown_dates)::text as date_keys},
        {members},
        t._batch_id > {applied} as _pending
    from {relation} as t
    where t._deleted_at is null or t._batch_id > {applied}
)

-- One column of the natural key by which a fact names a member, in the type of the dimension's key.
-- name: member
case when num_nulls({t.by}) = 0 then {t.value::text} end as {name}

-- name: stored_facts
(
    select
        {t.columns::text as columns},
        {t.date_keys::text as date_keys},
        {natural::text as members},
        false as _pending
    from {fact} as t
    {left join dimension as d on t.column = surrogate}
    where not {is_deleted}
)

-- Excused: the row's change took effect before another known change. It is not in the current
-- version, but in the version of its time.
-- name: is_in_force
s._is_here and r._is_here and exists (
    select 1
    from {dimension} as v
    where
        {v.nk = s.staged_nk}
        and v.valid_from <= s._effective::timestamptz
        and v.valid_to > s._effective::timestamptz
        and not {v.type2::text is distinct from s.type2}
)

-- name: cleaned_rows
(
    select
        {t.columns},
        t._batch_id > {applied} as _pending
    from {cleaned} as t
    where t.reject_reasons = '{{}}' and t._deleted_at is null or t._batch_id > {applied}
)

-- name: staged_rows
(
    select {t.columns}
    from {mirror} as t
    where t._deleted_at is null
)

-- Excused: a row that was good once and is refused now keeps its last good version.
-- name: is_refused
s._is_here is null and (
    ({r.key}) in (
        select {key}
        from {cleaned}
        where
            _mrr_key is null
            and (reject_reasons <> '{{}}' and _deleted_at is null or _batch_id > {applied})
    )
    or jsonb_build_object({'key', r.key}) in (
        select _held
        from {cleaned}
        where
            _held is not null
            and (reject_reasons <> '{{}}' and _deleted_at is null or _batch_id > {applied})
    )
)
