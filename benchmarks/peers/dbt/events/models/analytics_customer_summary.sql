{{ config(unique_key="customer_id", indexes=[{"columns": ["customer_id"], "unique": true}]) }}

with bought as (
    select
        o.customer_id,
        max(o.loaded_at) as loaded_at,
        count(*) as orders_placed,
        count(*) filter (where o.is_fulfilled) as total_orders,
        coalesce(sum(o.total_amount) filter (where o.is_fulfilled), 0) as total_spent,
        min(o.ordered_at at time zone 'UTC') filter (where o.is_fulfilled)::date as first_order_date,
        max(o.ordered_at at time zone 'UTC') filter (where o.is_fulfilled)::date as last_order_date,
        coalesce(sum(o.item_count) filter (where o.is_fulfilled), 0) as items_bought
    from {{ ref("fct_orders") }} as o
    where
        o.customer_id is not null
        {% if is_incremental() %}
            and o.customer_id in (
                select t.customer_id
                from {{ ref("fct_orders") }} as t
                where t.loaded_at > (select max(m.loaded_at) from {{ this }} as m)
            )
        {% endif %}
    group by o.customer_id
),

favorite as (
    select distinct on (i.customer_id)
        i.customer_id,
        i.category
    from {{ ref("fct_order_items") }} as i
    where i.is_fulfilled and i.customer_id in (select b.customer_id from bought as b)
    group by i.customer_id, i.category
    order by
        i.customer_id asc,
        sum(i.quantity) desc,
        sum(i.line_item_revenue) desc,
        i.category asc
)

select
    b.customer_id,
    b.loaded_at,
    b.orders_placed,
    b.total_orders,
    b.total_spent,
    round(b.total_spent / nullif(b.total_orders, 0), 2) as average_order_value,
    b.first_order_date,
    b.last_order_date,
    b.items_bought,
    f.category as favorite_category,
    case
        when b.total_orders >= 10 then 'high' when b.total_orders >= 5 then 'medium' else 'low'
    end as frequency,
    case
        when b.total_spent >= 1000 then 'high' when b.total_spent >= 500 then 'medium' else 'low'
    end as monetary,
    case
        when b.total_orders > 10 then 'VIP' when b.total_orders >= 5 then 'Loyal' else 'New'
    end as customer_segment
from bought as b
left join favorite as f using (customer_id)
