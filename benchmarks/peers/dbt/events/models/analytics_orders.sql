-- An order counts as touched when its customer is: what is known of it may be another then.
{{ config(unique_key="order_id", indexes=[{"columns": ["order_id"], "unique": true}]) }}

select
    o.order_id,
    greatest(o.loaded_at, c.loaded_at) as loaded_at,
    o.ordered_at,
    (o.ordered_at at time zone 'UTC')::date as order_date,
    o.order_status,
    o.is_fulfilled,
    o.customer_id,
    c.email as customer_email,
    concat_ws(' ', c.first_name, c.last_name) as customer_name,
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
from {{ ref("fct_orders") }} as o
left join {{ ref("dim_customers") }} as c
    on
        o.customer_id = c.customer_id
        and o.ordered_at >= c.valid_from
        and o.ordered_at < c.valid_to
{% if is_incremental() %}
    where greatest(o.loaded_at, c.loaded_at) > (select max(m.loaded_at) from {{ this }} as m)
{% endif %}
