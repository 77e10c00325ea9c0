-- Each day is read once, by the index on the times of events.
select
    g.event_date,
    g.region,
    g.event_type,
    e.events,
    e.users,
    e.duration_ms
from (select distinct t.event_date from {touched} as t) as d
cross join lateral (
    select
        c.region,
        f.event_type,
        count(*) as events,
        count(distinct f.user_id) as users,
        coalesce(sum(f.duration_ms), 0) as duration_ms
    from marketing.fact_click_events as f
    inner join marketing.dim_customer as c on f.customer_key = c.customer_key
    where
        f.event_time >= d.event_date::timestamp at time zone 'UTC'
        and f.event_time < (d.event_date + 1)::timestamp at time zone 'UTC'
    group by c.region, f.event_type
) as e
inner join {touched} as g
    on
        d.event_date = g.event_date
        and e.event_type = g.event_type
        and e.region is not distinct from g.region
