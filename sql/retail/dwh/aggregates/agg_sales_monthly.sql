-- The range of dates finds a month's sales by their index; without it, all sales would be read.
select
    g.sales_month,
    g.product_group,
    count(*) as sales,
    sum(s.quantity) as quantity,
    sum(s.net_amount) as revenue
from {touched} as g
inner join vw_sales as s
    on
        s.transaction_date >= g.sales_month
        and s.transaction_date < g.sales_month + interval '1 month'
        and s.product_group is not distinct from g.product_group
group by g.sales_month, g.product_group
