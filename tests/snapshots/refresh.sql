-- compute
insert into public.agg_sales_daily (sale_date, sales, quantity, revenue, avg_sale)
select sale_date, sales, quantity, revenue, avg_sale
from landing."agg_sales_daily.computed";

-- empty
delete from public.agg_sales_daily;

-- evaluate
select sale_date, sales, quantity, revenue, avg_sale
from landing."agg_sales_daily.computed";

-- every
select sale_date
from landing."agg_sales_daily.grains";

-- remove
delete from public.agg_sales_daily as a
using landing."agg_sales_daily.touched" as t
where a.sale_date = t.sale_date;

-- remove_nulls
delete from public.agg_sales_daily as a
using landing."agg_sales_daily.touched" as t
where
    num_nulls(t.sale_date) > 0
    and num_nulls(a.sale_date) > 0
    and not (a.sale_date is distinct from t.sale_date);

-- touch
insert into landing."agg_sales_daily.touched" (sale_date)
select distinct sale_date
from (
select sale_date
from landing."agg_sales_daily.grains"
) as g;
