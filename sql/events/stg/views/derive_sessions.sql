create or replace view landing_events.derive_sessions as
select
    e.session_id,
    min(e.event_timestamp) as started_at,
    max(e.event_timestamp) as ended_at,
    extract(epoch from max(e.event_timestamp) - min(e.event_timestamp))::numeric(14, 3)
        as duration_seconds,
    count(*)::integer as event_count,
    count(*) filter (where e.event_type in ('page_view', 'product_view'))::integer as view_count,
    bool_or(e.event_type = 'add_to_cart') as has_cart,
    bool_or(e.event_type = 'checkout_started') as has_checkout,
    coalesce(bool_or(e.order_status = 'placed'), false) as is_converted,
    (
        array_agg(e.customer_id order by e.event_timestamp desc, e.event_id desc)
        filter (where e.customer_id is not null)
    )[1] as customer_id,
    (
        array_agg(e.channel order by e.event_timestamp asc, e.event_id asc)
        filter (where e.channel is not null)
    )[1] as channel,
    (
        array_agg(e.device order by e.event_timestamp asc, e.event_id asc)
        filter (where e.device is not null)
    )[1] as device
from landing_events.live_events as e
where e.session_id is not null
group by e.session_id;

comment on view landing_events.derive_sessions is
'One row per session: how long it took, what happened in it, and whether an order was placed. The
customer is the last one who was known in it.';
