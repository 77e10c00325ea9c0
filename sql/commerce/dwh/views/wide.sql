-- Customer and product are those of the order's day, as the facts point at them.
create or replace view commerce.reporting_sales_wide as
select
    l.order_line_id,
    l.order_id,
    l.order_date,
    o.channel,
    l.order_status,
    l.is_sale,
    l.quantity,
    l.unit_price,
    l.discount_amount,
    l.net_amount,
    case when l.is_first_line then o.total_amount end as order_total,
    p.product_id,
    p.product_name,
    p.category,
    p.sub_category,
    p.brand,
    c.customer_id,
    c.customer_name,
    c.email,
    c.segment,
    c.city,
    c.state,
    c.country,
    o.payment_id,
    o.payment_date,
    o.payment_method,
    o.payment_status,
    case when l.is_first_line then o.paid_amount end as paid_amount
from commerce.fact_order_lines as l
left join commerce.fact_orders as o on l.order_id = o.order_id and l.order_date = o.order_date
left join commerce.dim_products as p on l.product_key = p.product_key
left join commerce.dim_customers as c on l.customer_key = c.customer_key;

comment on view commerce.reporting_sales_wide is
'One row per order line, with its order, product, customer and payment. What belongs to the order as
a whole (order_total, paid_amount) is on its first line and null on the others, so that a sum counts
it once. All lines are in it: is_sale says which of them count.';
