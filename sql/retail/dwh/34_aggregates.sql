-- Aggregates (docs/aggregates.md): each is computed by the file of its name in aggregates/.

create table agg_sales_daily (
    sale_date date not null,
    sales bigint not null,
    quantity bigint not null,
    revenue numeric not null,
    avg_sale numeric not null,
    constraint agg_sales_daily_one_row_per_day unique (sale_date)
);

comment on table agg_sales_daily is
'One row per day (UTC) with sales that count (vw_sales).';
comment on column agg_sales_daily.avg_sale is 'Revenue per sale, to the cent.';

create table agg_sales_monthly (
    sales_month date not null,
    product_group text,
    sales bigint not null,
    quantity bigint not null,
    revenue numeric not null,
    -- Null is a value of the grain: sales of products that nobody knows.
    constraint agg_sales_monthly_one_row_per_month_and_group
    unique nulls not distinct (sales_month, product_group),
    constraint agg_sales_monthly_months_start_on_day_1
    check (extract(day from sales_month) = 1)
);

comment on table agg_sales_monthly is
'One row per month (UTC) and product group with sales that count (vw_sales). The group is
the one in force at the sale. Null: the product, or its group, is not known.';
