-- What each layer has of an entity, for `compare`; and audits of the star schema.

-- name: rows
(
    select
        {columns},
        {pending} as _pending
    from {tables}
    where {condition}
)

-- name: text
t.{column}::text as {name}

-- name: member
case when num_nulls({t.by}) = 0 then {t.value::text} end as {name}

-- name: date_key
coalesce(to_char(t.{column}, 'YYYYMMDD')::integer, {unknown})::text as {name}

-- name: joined_member
{alias}.{column}::text as {name}

-- name: join
left join {dimension} as {alias} on t.{column} = {alias}.{surrogate}

-- name: written_after
t._batch_id > {applied}

-- name: is_live
t._deleted_at is null

-- name: is_applied
c._batch_id <= {applied}

-- name: is_live_or_pending
(t._deleted_at is null or t._batch_id > {applied})

-- name: is_current_member
t.is_current and not t.is_inferred and t.{surrogate} <> 0

-- The source told of a change that took effect before another one that is here: the version of that
-- time has it.
-- name: is_in_force
s._is_here and r._is_here and exists (
    select
    from {dimension} as v
    where
        {v_is_s}
        and v.valid_from <= s._effective::timestamptz
        and v.valid_to > s._effective::timestamptz
        and ({type2_v}) is not distinct from ({type2_s})
)

-- name: cleaned_rows
(
    select
        {columns},
        t._batch_id > {applied} as _pending
    from {cleaned} as t
    where t.reject_reasons = '{{}}' or t._batch_id > {applied}
)

-- name: staged_rows
(select {columns} from {mirror} as t where t._deleted_at is null)

-- A row that was good once and is refused now stays as it was.
-- name: is_refused
s._is_here is null and (
    ({key_r}) in (
        select {key}
        from {cleaned}
        where _mrr_key is null and (reject_reasons <> '{{}}' or _batch_id > {applied})
    )
    or jsonb_build_object({pairs_r}) in (
        select _held
        from {cleaned}
        where _held is not null and (reject_reasons <> '{{}}' or _batch_id > {applied})
    )
)

-- name: reject_differences
select
    array[{key_texts}],
    case
        when r.key is null then 'missing'
        when s.key is null then 'surplus'
        else 'changed'
    end
from (
    select
        jsonb_build_object({pairs_l}) as key,
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
        o.key,
        o.reasons
    from stg_rejects as o
    where
        o.area = %(area)s
        and o.entity = %(entity)s
        and o.resolved_at is null
        and o.key not in (
            select jsonb_build_object({pairs_l}) from {landing} as l where l._batch_id > {applied}
        )
) as r on s.key = r.key
where s.reasons is distinct from r.reasons
order by 2, 1

-- Versions that can't be: they overlap, leave a gap that no delete explains, or are current although
-- they have ended.
-- name: broken_versions
select
    array[{key_texts}],
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
            {nk_d},
            d.valid_to,
            d.is_current,
            d.is_deleted,
            lead(d.valid_from) over (partition by {nk_d} order by d.valid_from) as _next_from
        from {dimension} as d
        where d.{surrogate} <> 0
    ) as versions
) as v
where v._what is not null
order by 1

-- Facts that do not point at the version in force at their event time; where none was in force, at
-- the one before, else at the first.
-- name: misplaced_facts
select array[{key_texts}]
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
select {columns} from {mirror} as t where {condition}

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
                where {m_is_c} and m._deleted_at is null and c._mrr_key is null
            )
    ),
    (select count(*) from {cleaned} where _batch_id > {applied})
