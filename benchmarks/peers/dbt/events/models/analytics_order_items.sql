{{ config(
    unique_key="order_id",
    indexes=[
        {"columns": ["order_id", "product_id"], "unique": true},
        {"columns": ["order_date"]},
    ],
) }}

select
    i.order_id,
    i.product_id,
    greatest(i.loaded_at, c.loaded_at) as loaded_at,
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
from {{ ref("fct_order_items") }} as i
left join {{ ref("dim_customers") }} as c
    on
        i.customer_id = c.customer_id
        and i.ordered_at >= c.valid_from
        and i.ordered_at < c.valid_to
{% if is_incremental() %}
    where greatest(i.loaded_at, c.loaded_at) > (select max(m.loaded_at) from {{ this }} as m)
{% endif %}
