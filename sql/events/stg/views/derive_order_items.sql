-- The items of an order as the last event has them that has any. Where a product has several lines,
-- they are one row here; name and category are those of the last line, and the price is that of a
-- piece on average.
create or replace view landing_events.derive_order_items as
select
    o.order_id,
    i.product_id,
    o.ordered_at,
    o.order_status,
    o.is_fulfilled,
    o.customer_id,
    o.currency,
    i.product_name,
    i.category,
    i.quantity,
    round(i.line_item_revenue / i.quantity, 2)::numeric(14, 2) as unit_price,
    i.line_item_revenue
from landing_events.live_orders as o
cross join lateral (
    select
        x.product_id,
        (array_agg(x.product_name order by x.place desc))[1] as product_name,
        (array_agg(x.category order by x.place desc))[1] as category,
        sum(x.quantity)::bigint as quantity,
        sum(x.quantity * x.price) as line_item_revenue
    from (
        select
            tidemark.clean_text(j.value #>> '{product,id}') as product_id,
            tidemark.clean_text(j.value #>> '{product,name}') as product_name,
            tidemark.clean_text(j.value #>> '{product,category}') as category,
            (j.value ->> 'quantity')::integer as quantity,
            (j.value #>> '{product,price}')::numeric as price,
            j.ordinality as place
        from jsonb_array_elements(o.items) with ordinality as j
    ) as x
    group by x.product_id
) as i;

comment on view landing_events.derive_order_items is 'One row per product of an order.';
