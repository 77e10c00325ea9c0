create or replace view events.int_customer_purchase_history as
select
    o.customer_id,
    count(*) as total_orders,
    sum(o.total_amount) as total_spent,
    max(o.ordered_at) as last_order_date
from events.fct_orders as o
where o.is_fulfilled and o.customer_id is not null
group by o.customer_id;

comment on view events.int_customer_purchase_history is
'One row per customer with an order that was fulfilled, and neither cancelled nor refunded since.';
