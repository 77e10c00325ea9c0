select
    g.order_date,
    sum(l.net_amount) as total_sales,
    count(distinct l.order_id) as total_orders
from {touched} as g
inner join commerce.fact_order_lines as l on g.order_date = l.order_date and l.is_sale
group by g.order_date
