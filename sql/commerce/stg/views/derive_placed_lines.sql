create or replace view landing_commerce.derive_placed_lines as
select
    l.order_line_id,
    l.order_id,
    l.product_id,
    l.quantity,
    l.unit_price,
    l.discount_amount,
    l.net_amount,
    o.customer_id,
    o.order_date,
    o.order_status,
    o.payment_status,
    o.is_sale,
    l.order_line_id = o.first_line_id as is_first_line,
    case when o.order_id is null then array['the order is missing'] else '{}' end as reject_reasons
from landing_commerce.live_order_lines as l
left join landing_commerce.live_placed_orders as o on l.order_id = o.order_id;

comment on view landing_commerce.derive_placed_lines is
'One row per order line, with the date, the customer and the status of its order.';
