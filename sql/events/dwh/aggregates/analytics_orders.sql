select
    g.order_id,
    o.ordered_at,
    (o.ordered_at at time zone 'UTC')::date as order_date,
    o.order_status,
    o.is_fulfilled,
    o.customer_id,
    c.email as customer_email,
    nullif(concat_ws(' ', c.first_name, c.last_name), '') as customer_name,
    c.country as customer_country,
    o.channel,
    o.device,
    o.currency,
    o.total_amount,
    o.tax,
    o.shipping,
    o.item_count,
    o.items_amount,
    o.placed_at,
    o.fulfilled_at,
    o.cancelled_at,
    o.refunded_at
from {touched} as g
inner join events.fct_orders as o on g.order_id = o.order_id
inner join events.dim_customers as c on o.customer_key = c.customer_key
