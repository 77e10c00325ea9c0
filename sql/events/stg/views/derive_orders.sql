-- An order, folded from all events that tell of it, in event time. Its state is that of its last
-- event. Of everything else the last event counts that says it: one without items, or without a
-- total, leaves them as they were.
create or replace view landing_events.derive_orders as
select
    o.order_id,
    o.ordered_at,
    o.order_status,
    o.order_status = 'fulfilled' as is_fulfilled,
    o.customer_id,
    o.session_id,
    o.channel,
    o.device,
    o.currency,
    o.total_amount::numeric(14, 2) as total_amount,
    o.tax::numeric(14, 2) as tax,
    o.shipping::numeric(14, 2) as shipping,
    o.items,
    o.placed_at,
    o.fulfilled_at,
    o.cancelled_at,
    o.refunded_at,
    o.updated_at,
    o.event_count,
    i.item_count,
    i.items_amount
from (
    select
        e.order_id,
        min(e.event_timestamp) as ordered_at,
        max(e.event_timestamp) as updated_at,
        count(*)::integer as event_count,
        (array_agg(e.order_status order by e.event_timestamp desc, e.event_id desc))[1]
            as order_status,
        (
            array_agg(e.customer_id order by e.event_timestamp desc, e.event_id desc)
            filter (where e.customer_id is not null)
        )[1] as customer_id,
        (
            array_agg(e.session_id order by e.event_timestamp desc, e.event_id desc)
            filter (where e.session_id is not null)
        )[1] as session_id,
        (
            array_agg(e.channel order by e.event_timestamp desc, e.event_id desc)
            filter (where e.channel is not null)
        )[1] as channel,
        (
            array_agg(e.device order by e.event_timestamp desc, e.event_id desc)
            filter (where e.device is not null)
        )[1] as device,
        (
            array_agg(e.currency order by e.event_timestamp desc, e.event_id desc)
            filter (where e.currency is not null)
        )[1] as currency,
        (
            array_agg(e.total_amount order by e.event_timestamp desc, e.event_id desc)
            filter (where e.total_amount is not null)
        )[1] as total_amount,
        (
            array_agg(e.tax order by e.event_timestamp desc, e.event_id desc)
            filter (where e.tax is not null)
        )[1] as tax,
        (
            array_agg(e.shipping order by e.event_timestamp desc, e.event_id desc)
            filter (where e.shipping is not null)
        )[1] as shipping,
        (
            array_agg(e.items order by e.event_timestamp desc, e.event_id desc)
            filter (where e.items is not null)
        )[1] as items,
        min(e.event_timestamp) filter (where e.order_status = 'placed') as placed_at,
        min(e.event_timestamp) filter (where e.order_status = 'fulfilled') as fulfilled_at,
        min(e.event_timestamp) filter (where e.order_status = 'cancelled') as cancelled_at,
        min(e.event_timestamp) filter (where e.order_status = 'refunded') as refunded_at
    from landing_events.live_events as e
    where e.order_id is not null and e.order_status is not null
    group by e.order_id
) as o
cross join lateral (
    select
        coalesce(sum((x.value ->> 'quantity')::integer), 0)::bigint as item_count,
        coalesce(
            sum((x.value ->> 'quantity')::integer * (x.value #>> '{product,price}')::numeric), 0
        ) as items_amount
    from jsonb_array_elements(o.items) as x
) as i;

comment on view landing_events.derive_orders is
'One row per order: its state, when it came into each state, and what it comes to.';
