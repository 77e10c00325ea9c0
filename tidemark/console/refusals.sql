-- Rows that are refused now.

-- Without reasons, which may quote values.
-- name: by_entity
select
    r.area,
    r.entity,
    null::text as reason,
    r.rows
from tidemark.open_rejects as r
where r.area = any (%(areas)s) and %(entity)s in ('', r.entity)
order by r.rows desc, r.area, r.entity

-- name: by_reason
select
    r.area,
    r.entity,
    reason.reason,
    count(*) as rows
from stg_rejects as r
cross join lateral unnest(r.reasons) as reason (reason)
where
    r.area = any (%(areas)s)
    and r.resolved_at is null
    and %(entity)s in ('', r.entity)
    and %(reason)s in ('', reason.reason)
group by r.area, r.entity, reason.reason
order by count(*) desc, r.area, r.entity, reason.reason

-- Each of the last days, also those on which nothing was refused; days are those of the zone.
-- name: days
with today as (
    select (now() at time zone %(zone)s)::date as day
),

found as (
    select
        (r.first_seen_at at time zone %(zone)s)::date as day,
        count(*) as rows,
        count(*) filter (where r.resolved_at is null) as still
    from stg_rejects as r
    where
        r.area = any (%(areas)s)
        and r.first_seen_at >= now() - make_interval(days => %(days)s + 1)
        and %(entity)s in ('', r.entity)
        and (%(reason)s = '' or %(reason)s = any (r.reasons))
    group by 1
)

select
    t.day - n.back as day,
    coalesce(f.rows, 0)::bigint as rows,
    coalesce(f.still, 0)::bigint as still
from today as t
cross join generate_series(%(days)s - 1, 0, -1) as n (back)
left join found as f on f.day = t.day - n.back
order by n.back desc

-- name: reasons_of_days
select
    (r.first_seen_at at time zone %(zone)s)::date as day,
    r.area,
    r.entity,
    reason.reason,
    count(*) as rows,
    count(*) filter (where r.resolved_at is null) as still
from stg_rejects as r
cross join lateral unnest(r.reasons) as reason (reason)
where
    r.area = any (%(areas)s)
    and r.first_seen_at >= now() - make_interval(days => %(days)s)
    and %(entity)s in ('', r.entity)
    and %(reason)s in ('', reason.reason)
group by 1, r.area, r.entity, reason.reason
order by 1 desc, 5 desc, r.area, r.entity, reason.reason
limit %(most)s

-- The newest first, behind one that the page before has shown last.
-- name: rows
select
    r.reject_id,
    r.entity,
    r.item,
    r.key::text as key,
    r.reasons,
    r.batch_id,
    r.first_seen_at,
    r.last_seen_at,
    left(shown.row, %(longest)s) as row,
    length(shown.row) as length
from (
    select
        o.reject_id,
        o.entity,
        o.item,
        o.key,
        o.reasons,
        o.batch_id,
        o.first_seen_at,
        o.last_seen_at,
        o.row_data
    from stg_rejects as o
    where
        o.area between %(area)s and %(area)s
        and o.resolved_at is null
        and (
            %(before)s = 0
            or (o.first_seen_at, o.reject_id) < (
                select
                    b.first_seen_at,
                    b.reject_id
                from stg_rejects as b
                where b.reject_id = %(before)s
            )
        )
        and %(entity)s in ('', o.entity)
        and (%(reason)s = '' or %(reason)s = any (o.reasons))
    order by o.area, o.first_seen_at desc, o.reject_id desc
    limit %(limit)s
) as r
cross join lateral (
    select
        case
            when r.item is not null and r.row_data ? 'row_text' then r.row_data ->> 'row_text'
            else r.row_data::text
        end as row
) as shown
order by r.first_seen_at desc, r.reject_id desc

-- What MRR refuses now, as it came.
-- name: refused
select
    r.refused_id,
    r.entity,
    r.item,
    coalesce(r.row_key::text, 'line ' || r.line, r.event_id, '') as key,
    r.reasons,
    r.batch_id,
    r.refused_at as first_seen_at,
    r.refused_at as last_seen_at,
    left(r.row_text, %(longest)s) as row,
    length(r.row_text) as length
from tidemark.refused as r
where
    r.area = %(area)s
    and r.ended_by is null
    and (%(before)s = 0 or r.refused_id < %(before)s)
    and %(entity)s in ('', r.entity)
order by r.refused_id desc
limit %(limit)s
