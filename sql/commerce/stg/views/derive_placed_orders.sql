-- An order with what its lines come to and with its payments. What counts as a sale is said here,
-- and nowhere else: an order that was not cancelled, and of whose payments, where it has any, one
-- did not fail. So an order that nobody has paid yet counts.
create or replace view landing_commerce.derive_placed_orders as
select
    o.order_id,
    o.customer_id,
    o.order_date,
    o.channel,
    o.order_status,
    o.total_amount,
    l.first_line_id,
    l.line_count,
    l.lines_amount,
    a.payment_count,
    a.paid_amount,
    p.payment_id,
    p.payment_date,
    p.payment_method,
    p.payment_status,
    o.order_status <> 'CANCELLED' and coalesce(p.payment_status, 'NONE') <> 'FAILED' as is_sale
from landing_commerce.live_orders as o
left join lateral (
    select
        min(i.order_line_id) as first_line_id,
        count(*)::integer as line_count,
        coalesce(sum(i.net_amount), 0)::numeric(14, 2) as lines_amount
    from landing_commerce.live_order_lines as i
    where i.order_id = o.order_id
) as l on true
left join lateral (
    select
        count(*)::integer as payment_count,
        coalesce(
            sum(i.payment_amount) filter (where i.payment_status = 'SUCCESS'), 0
        )::numeric(14, 2) as paid_amount
    from landing_commerce.live_payments as i
    where i.order_id = o.order_id
) as a on true
-- The payment that decides: SUCCESS before PENDING before FAILED, then the last one.
left join lateral (
    select
        i.payment_id,
        i.payment_date,
        i.payment_method,
        i.payment_status
    from landing_commerce.live_payments as i
    where i.order_id = o.order_id
    order by
        array_position(array['SUCCESS', 'PENDING', 'FAILED'], i.payment_status) asc,
        i.payment_date desc,
        i.payment_id desc
    limit 1
) as p on true;

comment on view landing_commerce.derive_placed_orders is
'One row per order: its header, what its lines come to, its payments, and whether it is a sale.';
