{{ config(unique_key="session_id", indexes=[{"columns": ["session_id"], "unique": true}]) }}

select
    e.session_id,
    max(e.loaded_at) as loaded_at,
    min(e.event_timestamp) as started_at,
    max(e.event_timestamp) as ended_at,
    extract(epoch from max(e.event_timestamp) - min(e.event_timestamp)) as duration_seconds,
    count(*)::integer as event_count,
    count(*) filter (where e.event_type in ('page_view', 'product_view'))::integer as view_count,
    bool_or(e.event_type = 'add_to_cart') as has_cart,
    bool_or(e.event_type = 'checkout_started') as has_checkout,
    coalesce(bool_or(e.order_status = 'placed'), false) as is_converted,
    max(e.customer_id) as customer_id,
    max(e.channel) as channel,
    max(e.device) as device
from {{ ref("stg_events") }} as e
where
    e.session_id is not null
    {{ touched("e.session_id") }}
group by e.session_id
