-- Each month is read once, day by day: by the index on the dates of sales where few months are
-- touched, and never the months between. dwh_dim_date has them all, since area.yml names the date.
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
    inner join dwh_dim_date as d
        on m.sales_month = date_trunc('month', d.full_date::timestamp)::date
    inner join vw_sales as v on d.full_date = v.transaction_date
    group by m.sales_month, v.product_group
) as s
inner join {touched} as g
    on
        s.sales_month = g.sales_month
        and s.product_group is not distinct from g.product_group
