select
    g.order_id,
    g.product_id,
    i.ordered_at,
    (i.ordered_at at time zone 'UTC')::date as order_date,
    i.order_status,
    i.is_fulfilled,
    i.customer_id,
    c.country as customer_country,
    i.currency,
    i.product_name,
    i.category,
    i.quantity,
    i.unit_price,
    i.line_item_revenue
from {touched} as g
inner join events.fct_order_items as i on g.order_id = i.order_id and g.product_id = i.product_id
inner join events.dim_customers as c on i.customer_key = c.customer_key
