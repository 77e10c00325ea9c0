create or replace view vw_dim_customers_current as
select
    c.customer_key,
    c.customer_id,
    c.customer_name,
    c.email,
    c.phone,
    c.city,
    c.country,
    c.country_code,
    c.segment,
    c.is_inferred,
    c.valid_from
from dwh_dim_customers as c
where c.is_current and c.customer_key <> 0;

comment on view vw_dim_customers_current is
'One row per customer that the source still has: its version in force now. To count sales, join by
customer_id or read vw_sales: a join of the facts by customer_key to this view loses the sales made
under older versions.';

create or replace view vw_dim_products_current as
select
    p.product_key,
    p.product_id,
    p.product_name,
    p.product_group,
    p.unit_price,
    p.is_active,
    p.is_inferred,
    p.valid_from
from dwh_dim_products as p
where p.is_current and p.product_key <> 0;

comment on view vw_dim_products_current is
'One row per product that the source still has: its version in force now. To count sales, join by
product_id or read vw_sales: a join of the facts by product_key to this view loses the sales made
under older versions.';
