-- The rule of what counts stands here alone: vw_sales reads this view, and so do aggregates. These
-- do not read vw_sales, with whose joins each change of a customer would touch all of her days.
create or replace view vw_counted_sales as
select
    f.sale_key,
    f.original_sale_id,
    f.date_key,
    f.customer_key,
    f.product_key,
    f.quantity,
    f.unit_price,
    f.discount,
    f.net_amount,
    f.status,
    f.transaction_date,
    f.transaction_timestamp
from dwh_fact_sales as f
where f.status not in ('cancelled', 'returned');

comment on view vw_counted_sales is
'One row per sale that counts: every sale but the cancelled and the returned ones, so a pending one
counts.';
