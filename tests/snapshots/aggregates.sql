-- drop
drop view if exists landing_zoned."by_lateness.computed", landing_zoned."by_lateness.grains";
drop table if exists landing_zoned."by_lateness.touched";

-- drop_views
drop view if exists landing."agg_sales_daily.computed", landing."agg_sales_daily.grains";

-- forget
delete from tidemark.published_aggregate
where area = any(array['retail']::text[])
and table_name <> all(array['agg_sales_daily', 'agg_sales_monthly']::text[]);

-- make
drop view if exists landing."agg_sales_daily.computed", landing."agg_sales_daily.grains";
drop table if exists landing."agg_sales_daily.touched";
create view landing."agg_sales_daily.grains" as
select sales.transaction_date as sale_date
from public.dwh_fact_sales as sales;
comment on view landing."agg_sales_daily.grains" is 'One row per fact that agg_sales_daily is computed of: its grain.';
create unlogged table landing."agg_sales_daily.touched" as
select sale_date
from landing."agg_sales_daily.grains"
with no data;
comment on table landing."agg_sales_daily.touched" is 'One row per grain of agg_sales_daily that is to be computed.';
create view landing."agg_sales_daily.computed" as
select
    g.sale_date,
    count(*) as sales,
    sum(s.quantity) as quantity,
    sum(s.net_amount) as revenue,
    round(avg(s.net_amount), 2) as avg_sale
from landing."agg_sales_daily.touched" as g
inner join vw_sales as s on g.sale_date = s.transaction_date
group by g.sale_date;
comment on view landing."agg_sales_daily.computed" is '';

-- make_table
drop table if exists zoned.by_thing;
create table zoned.by_thing as
select id, days
from landing_zoned."by_thing.computed"
with no data;
alter table zoned.by_thing add constraint by_thing_one_row_per_grain unique nulls not distinct (id);
comment on table zoned.by_thing is 'One row per id, computed by sql/zoned/dwh/aggregates/by_thing.sql.';
