-- An order as it was at the instant p_at (null: as it is): its status and total, and its customer
-- and products as they were then. Of its lines the quantities and prices are those of the order,
-- which does not change them.
--
-- reads    commerce.dim_orders, commerce.fact_order_lines, commerce.dim_customers,
--          commerce.dim_products
-- returns  a row for each line; none for an order that is unknown, or placed after p_at. Before the
--          first drop that showed it an order was as that drop showed it
-- repeat   safe
create or replace function commerce.fn_order_as_it_was(
    p_order_id text, p_at timestamptz default null
)
returns table (
    order_id text,
    order_date date,
    order_status text,
    total_amount numeric,
    customer_id text,
    customer_name text,
    segment text,
    city text,
    order_line_id text,
    product_id text,
    product_name text,
    category text,
    product_status text,
    list_price numeric,
    quantity integer,
    net_amount numeric
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at constant timestamptz := coalesce(p_at, now());
begin
    return query
    select
        o.order_id,
        o.order_date,
        o.order_status,
        o.total_amount,
        o.customer_id,
        c.customer_name,
        c.segment,
        c.city,
        l.order_line_id,
        p.product_id,
        p.product_name,
        p.category,
        p.status,
        p.unit_price,
        l.quantity,
        l.net_amount
    from commerce.dim_orders as o
    inner join commerce.fact_order_lines as l on o.order_id = l.order_id
    left join commerce.dim_customers as c
        on o.customer_id = c.customer_id and c.valid_from <= v_at and c.valid_to > v_at
    left join commerce.dim_products as q on l.product_key = q.product_key
    left join commerce.dim_products as p
        on q.product_id = p.product_id and p.valid_from <= v_at and p.valid_to > v_at
    where
        o.order_id = p_order_id
        and o.valid_from <= v_at
        and o.valid_to > v_at
        and o.order_date <= (v_at at time zone 'UTC')::date
    order by l.order_line_id;
end;
$$;
