-- A row for each change, in event time, made anew from all events of a touched customer.
{{ config(unique_key="customer_id", indexes=[{"columns": ["customer_id", "valid_from"]}]) }}

with told as (
    select
        e.*,
        max(e.loaded_at) over (partition by e.customer_id) as last_loaded_at,
        row(e.email, e.first_name, e.last_name, e.country) is distinct from lag(
            row(e.email, e.first_name, e.last_name, e.country)
        ) over (
            partition by e.customer_id order by e.event_timestamp asc, e.event_id asc
        ) as is_changed
    from {{ ref("stg_events") }} as e
    where
        e.customer_id is not null
        {{ touched("e.customer_id") }}
)

select
    t.customer_id,
    t.last_loaded_at as loaded_at,
    t.email,
    t.first_name,
    t.last_name,
    t.country,
    t.event_timestamp as valid_from,
    coalesce(
        lead(t.event_timestamp) over (
            partition by t.customer_id order by t.event_timestamp asc, t.event_id asc
        ),
        'infinity'
    ) as valid_to
from told as t
where t.is_changed
