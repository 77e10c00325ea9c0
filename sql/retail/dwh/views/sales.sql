-- The rule of what counts stands here alone: every function and report reads this view.
-- The joins are left joins on primary keys, so that one whose columns nobody reads costs nothing.
create or replace view vw_sales as
select
    f.sale_key,
    f.original_sale_id,
    f.date_key,
    f.customer_key,
    c.customer_id,
    c.customer_name,
    c.city,
    c.country,
    c.segment,
    f.product_key,
    p.product_id,
    p.product_name,
    p.product_group,
    f.quantity,
    f.unit_price,
    f.discount,
    f.net_amount,
    f.status,
    f.transaction_date,
    f.transaction_timestamp
from dwh_fact_sales as f
left join dwh_dim_customers as c on f.customer_key = c.customer_key
left join dwh_dim_products as p on f.product_key = p.product_key
where f.status not in ('cancelled', 'returned');

comment on view vw_sales is
'One row per sale that counts: every sale but the cancelled and the returned ones, so a pending one
counts. Customer and product as they were at the sale. Filter on transaction_timestamp, which prunes
partitions.';
