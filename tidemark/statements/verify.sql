-- What each layer has of an entity, for `compare`; and audits of the star schema.

-- name: live_rows
(
    select
        {t.columns::text as columns},
        false as _pending
    from {mirror} as t
    where t._deleted_at is null
)

-- What later batches than {applied} wrote is pending.
-- name: staged_members
(
    select
        {t.columns::text as columns},
        t.{effective}::text as _effective,
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

-- name: staged_facts
(
    select
        {t.sources::text as columns},
        {coalesce(to_char(t.dates, 'YYYYMMDD')::integer, unknown_dates)::text as date_keys},
        {members},
        t._batch_id > {applied} as _pending
    from {mirror} as t
    where t._deleted_at is null or t._batch_id > {applied}
)

-- One column of the natural key that a fact says, as the dimension would have it.
-- name: member
case when num_nulls({t.by}) = 0 then {t.value::text} end as {name}

-- name: stored_facts
(
    select
        {t.columns::text as columns},
        {t.date_keys::text as date_keys},
        {members},
        false as _pending
    from {fact} as t
    {joins}
    where not {is_deleted}
)

-- name: stored_member
{d}.{column}::text as {name}

-- name: join
left join {dimension} as {d} on t.{column} = {d}.{surrogate}

-- name: is_applied
c._batch_id <= {applied}

-- The source told of a change that took effect before another one that is here: the version of that
-- time has it.
-- name: is_in_force
s._is_here and r._is_here and exists (
    select
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
    where t.reject_reasons = '{{}}' or t._batch_id > {applied}
)

-- name: staged_rows
(select {t.columns} from {mirror} as t where t._deleted_at is null)

-- A row that was good once and is refused now stays as it was.
-- name: is_refused
s._is_here is null and (
    ({r.key}) in (
        select {key}
        from {cleaned}
        where _mrr_key is null and (reject_reasons <> '{{}}' or _batch_id > {applied})
    )
    or jsonb_build_object({'key', r.key}) in (
        select _held
        from {cleaned}
        where _held is not null and (reject_reasons <> '{{}}' or _batch_id > {applied})
    )
)

-- name: reject_differences
select
    array[{coalesce(s.document, r.document) ->> 'key'}],
    case
        when r.document is null then 'missing'
        when s.document is null then 'surplus'
        else 'changed'
    end
from (
    select
        jsonb_build_object({'key', l.key}) as document,
        c.reasons
    from (
        select
            c._landed,
            array_agg(distinct reason.reason order by reason.reason) as reasons
        from {cleaned} as c
        cross join lateral unnest(c.reject_reasons) as reason (reason)
        where c.reject_reasons <> '{{}}' and c._batch_id <= {applied}
        group by c._landed
    ) as c
    inner join {landing} as l on c._landed = l._first_batch_id
) as s
full join (
    select
        o.key as document,
        o.reasons
    from stg_rejects as o
    where
        o.area = %(area)s
        and o.entity = %(entity)s
        and o.resolved_at is null
        and o.key not in (
            select jsonb_build_object({'key', l.key}) from {landing} as l where l._batch_id > {applied}
        )
) as r on s.document = r.document
where s.reasons is distinct from r.reasons
order by 2, 1

-- Versions that can't be: they overlap, leave a gap that no delete explains, or are current although
-- they have ended.
-- name: broken_versions
select
    array[{v.nk::text}],
    v._what
from (
    select
        {nk},
        case
            when _next_from < valid_to then 'versions overlap'
            when _next_from > valid_to and not is_deleted then 'a gap that no delete explains'
            when is_current <> (valid_to = {end}) then 'is_current does not say which one is open'
            when is_current and _next_from is not null then 'more than one current version'
        end as _what
    from (
        select
            {d.nk},
            d.valid_to,
            d.is_current,
            d.is_deleted,
            lead(d.valid_from) over (partition by {d.nk} order by d.valid_from) as _next_from
        from {dimension} as d
        where d.{surrogate} <> 0
    ) as versions
) as v
where v._what is not null
order by 1

-- Facts that do not point at the version in force at their event time; where none was in force, at
-- the one before, else at the first.
-- name: misplaced_facts
select array[{f.nk::text}]
from {fact} as f
left join {dimension} as d on f.{column} = d.{surrogate}
where
    f.{column} <> 0
    and (
        d.{surrogate} is null
        or not (d.valid_from <= f.{event_time} and f.{event_time} < d.valid_to)
        and d.{surrogate} <> {nearest}
    )
order by 1

-- name: clock
select clock_timestamp()

-- name: mirrored_rows
select {t.columns} from {mirror} as t where t._deleted_at is null or t._batch_id > {applied}

-- What STG has, and what it has refused altogether; and what is pending.
-- name: staged_counts
select
    (select count(*) from {mirror} where _deleted_at is null)
    + (
        select count(*)
        from {cleaned} as c
        where
            c.reject_reasons <> '{{}}'
            and c._batch_id <= {applied}
            and c._held is null
            and not exists (
                select
                from {mirror} as m
                where {m.key = c.key} and m._deleted_at is null and c._mrr_key is null
            )
    ),
    (select count(*) from {cleaned} where _batch_id > {applied})
