select
    g.sale_date,
    count(*) as sales,
    sum(s.quantity) as quantity,
    sum(s.net_amount) as revenue,
    round(avg(s.net_amount), 2) as avg_sale
from {touched} as g
inner join vw_sales as s on g.sale_date = s.transaction_date
group by g.sale_date
