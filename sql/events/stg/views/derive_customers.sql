-- What all events of a customer tell, in event time. An event that says nothing of an attribute
-- changes nothing of it. Only events that change something are observations.
create or replace view landing_events.derive_customers as
with compared as (
    select
        e.customer_id,
        e.event_timestamp,
        e.event_id,
        e.email,
        e.first_name,
        e.last_name,
        e.country,
        lag(array[e.email, e.first_name, e.last_name, e.country]) over (
            partition by e.customer_id order by e.event_timestamp asc, e.event_id asc
        ) as told_before
    from landing_events.live_events as e
    where e.customer_id is not null
),

-- How often an attribute was told by then: the same number, the same value.
counted as (
    select
        t.customer_id,
        t.event_timestamp,
        t.event_id,
        t.email,
        t.first_name,
        t.last_name,
        t.country,
        count(t.email) over told_then as emails,
        count(t.first_name) over told_then as first_names,
        count(t.last_name) over told_then as last_names,
        count(t.country) over told_then as countries
    from compared as t
    where array[t.email, t.first_name, t.last_name, t.country] is distinct from t.told_before
    window told_then as (
        partition by t.customer_id order by t.event_timestamp asc, t.event_id asc
    )
)

select
    c.customer_id,
    c.event_timestamp,
    c.event_id,
    max(c.email) over (partition by c.customer_id, c.emails) as email,
    max(c.first_name) over (partition by c.customer_id, c.first_names) as first_name,
    max(c.last_name) over (partition by c.customer_id, c.last_names) as last_name,
    max(c.country) over (partition by c.customer_id, c.countries) as country
from counted as c;

comment on view landing_events.derive_customers is
'One row per event that changes what is known of a customer: all that is known then.';
