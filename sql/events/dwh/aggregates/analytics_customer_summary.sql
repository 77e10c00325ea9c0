select
    g.customer_id,
    o.orders_placed,
    o.total_orders,
    o.total_spent,
    round(o.total_spent / nullif(o.total_orders, 0), 2) as average_order_value,
    o.first_order_date,
    o.last_order_date,
    o.items_bought,
    f.category as favorite_category,
    case
        when o.total_orders >= 10 then 'high' when o.total_orders >= 5 then 'medium' else 'low'
    end as frequency,
    case
        when o.total_spent >= 1000 then 'high' when o.total_spent >= 500 then 'medium' else 'low'
    end as monetary,
    case
        when o.total_orders > 10 then 'VIP' when o.total_orders >= 5 then 'Loyal' else 'New'
    end as customer_segment
from {touched} as g
cross join lateral (
    select
        count(*) as orders_placed,
        count(*) filter (where a.is_fulfilled) as total_orders,
        coalesce(sum(a.total_amount) filter (where a.is_fulfilled), 0) as total_spent,
        min((a.ordered_at at time zone 'UTC')::date) filter (where a.is_fulfilled)
            as first_order_date,
        max((a.ordered_at at time zone 'UTC')::date) filter (where a.is_fulfilled)
            as last_order_date,
        coalesce(sum(a.item_count) filter (where a.is_fulfilled), 0)::bigint as items_bought
    from events.fct_orders as a
    where a.customer_id = g.customer_id
) as o
-- The category of which most pieces were bought; of two, the one that more was spent on.
left join lateral (
    select i.category
    from events.fct_order_items as i
    where i.customer_id = g.customer_id and i.is_fulfilled and i.category is not null
    group by i.category
    order by sum(i.quantity) desc, sum(i.line_item_revenue) desc, i.category asc
    limit 1
) as f on true
where o.orders_placed > 0
