{{ config(
    unique_key="order_id",
    indexes=[
        {"columns": ["order_id"], "unique": true},
        {"columns": ["customer_id"]},
        {"columns": ["loaded_at"]},
    ],
) }}

with event as (
    select e.*
    from {{ ref("stg_events") }} as e
    where
        e.order_id is not null
        {{ touched("e.order_id") }}
),

last_event as (
    select distinct on (e.order_id) e.*
    from event as e
    order by e.order_id asc, e.event_timestamp desc, e.event_id desc
),

every_event as (
    select
        e.order_id,
        max(e.loaded_at) as loaded_at,
        min(e.event_timestamp) as ordered_at,
        max(e.event_timestamp) as updated_at,
        max(e.session_id) as session_id,
        max(e.channel) as channel,
        max(e.device) as device,
        min(e.event_timestamp) filter (where e.order_status = 'placed') as placed_at,
        min(e.event_timestamp) filter (where e.order_status = 'fulfilled') as fulfilled_at,
        min(e.event_timestamp) filter (where e.order_status = 'cancelled') as cancelled_at,
        min(e.event_timestamp) filter (where e.order_status = 'refunded') as refunded_at,
        count(*)::integer as event_count
    from event as e
    group by e.order_id
)

select
    l.order_id,
    a.loaded_at,
    a.ordered_at,
    to_char(a.ordered_at, 'YYYYMMDD')::integer as order_date_key,
    l.order_status,
    l.order_status = 'fulfilled' as is_fulfilled,
    l.customer_id,
    a.session_id,
    a.channel,
    a.device,
    l.currency,
    l.total_amount,
    l.tax,
    l.shipping,
    l.items,
    i.item_count,
    i.items_amount,
    a.placed_at,
    a.fulfilled_at,
    a.cancelled_at,
    a.refunded_at,
    a.updated_at,
    a.event_count
from last_event as l
inner join every_event as a using (order_id)
cross join lateral (
    select
        sum((x ->> 'quantity')::integer) as item_count,
        sum((x ->> 'quantity')::integer * (x #>> '{product,price}')::numeric) as items_amount
    from jsonb_array_elements(l.items) as x
) as i
