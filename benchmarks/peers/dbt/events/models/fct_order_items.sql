{{ config(
    unique_key="order_id",
    indexes=[
        {"columns": ["order_id", "product_id"], "unique": true},
        {"columns": ["customer_id"]},
    ],
) }}

select
    o.order_id,
    i.product_id,
    o.loaded_at,
    o.ordered_at,
    o.order_date_key,
    o.order_status,
    o.is_fulfilled,
    o.customer_id,
    o.currency,
    i.product_name,
    i.category,
    i.quantity,
    round(i.line_item_revenue / i.quantity, 2) as unit_price,
    i.line_item_revenue
from {{ ref("fct_orders") }} as o
cross join lateral (
    select
        x #>> '{product,id}' as product_id,
        max(x #>> '{product,name}') as product_name,
        max(x #>> '{product,category}') as category,
        sum((x ->> 'quantity')::integer) as quantity,
        sum((x ->> 'quantity')::integer * (x #>> '{product,price}')::numeric) as line_item_revenue
    from jsonb_array_elements(o.items) as x
    group by 1
) as i
{% if is_incremental() %}
    where o.loaded_at > (select max(m.loaded_at) from {{ this }} as m)
{% endif %}
