-- Reports that a procedure fills (routines/reports.sql). Both count what vw_sales counts.

create table temp_sales_report (
    customer_id bigint,
    customer_name text,
    country text,
    product_group text,
    sales_month date not null,
    total_quantity bigint not null,
    total_transactions bigint not null,
    total_products bigint not null,
    avg_quantity_per_transaction numeric not null,
    revenue numeric not null,
    -- Null is a value of the grain: sales to nobody known, customers without a country.
    constraint temp_sales_report_one_row_per_customer_country_group_month
    unique nulls not distinct (
        customer_id, customer_name, country, product_group, sales_month
    ),
    constraint temp_sales_report_months_start_on_day_1
    check (extract(day from sales_month) = 1)
);

comment on table temp_sales_report is
'One row per customer, country, product group and month (UTC) of the range last asked of
sp_aggregate_sales_report. Country and group are those in force at the sale, so a customer who moved
has a row per country. customer_id null: sales to the unknown customer.';
comment on column temp_sales_report.total_products is 'Number of different products.';

create table customer_metrics (
    customer_id bigint not null,
    customer_name text,
    country text,
    segment text,
    lifetime_value numeric not null,
    total_transactions bigint not null,
    total_quantity bigint not null,
    avg_order_value numeric not null,
    first_purchase date,
    last_purchase date,
    recency_days integer,
    as_of date not null,
    constraint customer_metrics_pkey primary key (customer_id),
    constraint customer_metrics_purchases_in_order check (first_purchase <= last_purchase)
);

comment on table customer_metrics is
'One row per customer, over all the sales until as_of (included) and every version of the customer;
those without sales and those deleted at the source are in it too. Filled by
sp_refresh_customer_metrics.';
comment on column customer_metrics.country is 'As now, like segment and customer_name.';
comment on column customer_metrics.recency_days is
'Days from last_purchase to as_of, null without a purchase.';
