create or replace view commerce.vw_sales as
select
    l.order_line_id,
    l.order_id,
    l.order_date,
    l.order_date_key,
    l.customer_key,
    c.customer_id,
    c.customer_name,
    c.email,
    c.segment,
    c.city,
    c.state,
    c.country,
    l.product_key,
    p.product_id,
    p.product_name,
    p.category,
    p.sub_category,
    p.brand,
    l.quantity,
    l.unit_price,
    l.discount_amount,
    l.net_amount
from commerce.fact_order_lines as l
left join commerce.dim_customers as c on l.customer_key = c.customer_key
left join commerce.dim_products as p on l.product_key = p.product_key
where l.is_sale;

comment on view commerce.vw_sales is
'One row per order line that is a sale: its order was not cancelled, and its payment did not fail.
Customer and product as they were on the day of the order, but for names.';

create or replace view commerce.vw_orders_that_do_not_add_up as
select
    o.order_id,
    o.order_date,
    o.order_status,
    o.payment_status,
    o.total_amount,
    o.lines_amount,
    o.paid_amount
from commerce.fact_orders as o
where
    o.total_amount <> o.lines_amount
    or (o.payment_status = 'SUCCESS' and o.paid_amount <> o.total_amount);

comment on view commerce.vw_orders_that_do_not_add_up is
'One row per order whose total is not what its lines come to, or not what was paid. In the sample,
ids of such orders end in X.';
