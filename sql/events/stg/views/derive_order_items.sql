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
        tidemark.clean_text(x.value #>> '{product,id}') as product_id,
        (array_agg(tidemark.clean_text(x.value #>> '{product,name}') order by x.ordinality desc))[1]
            as product_name,
        (
            array_agg(
                tidemark.clean_text(x.value #>> '{product,category}') order by x.ordinality desc
            )
        )[1] as category,
        sum((x.value ->> 'quantity')::integer)::bigint as quantity,
        sum((x.value ->> 'quantity')::integer * (x.value #>> '{product,price}')::numeric)
            as line_item_revenue
    from jsonb_array_elements(o.items) with ordinality as x
    group by tidemark.clean_text(x.value #>> '{product,id}')
) as i;

comment on view landing_events.derive_order_items is 'One row per product of an order.';
