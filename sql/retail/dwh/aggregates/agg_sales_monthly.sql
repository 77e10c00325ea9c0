-- Each month is read once, by the index on the dates of sales, and never the months between.
select
    g.sales_month,
    g.product_group,
    s.sales,
    s.quantity,
    s.revenue
from (
    select
        m.sales_month,
        v.product_group,
        count(*) as sales,
        sum(v.quantity) as quantity,
        sum(v.net_amount) as revenue
    from (select distinct t.sales_month from {touched} as t) as m
    inner join vw_sales as v
        on
            m.sales_month <= v.transaction_date
            and v.transaction_date < m.sales_month + interval '1 month'
    group by m.sales_month, v.product_group
) as s
inner join {touched} as g
    on
        s.sales_month = g.sales_month
        and s.product_group is not distinct from g.product_group
