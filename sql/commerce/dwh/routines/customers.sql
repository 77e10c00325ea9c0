-- The customers who have not ordered for a while on the date p_as_of (null: that of the last order
-- in the star): whose churn risk is MEDIUM or HIGH, most valuable first. Orders after p_as_of have
-- not happened yet.
--
-- reads    commerce.vw_sales, commerce.dim_customers, commerce.fact_orders
-- returns  a row for each customer with a sale until p_as_of, name and e-mail as now
-- repeat   safe
create or replace function commerce.fn_customers_at_risk(p_as_of date default null)
returns table (
    customer_id text,
    customer_name text,
    email text,
    last_order date,
    days_since_last_order integer,
    orders_count bigint,
    lifetime_value numeric,
    churn_risk text
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_as_of constant date := coalesce(
        p_as_of, (select max(o.order_date) from commerce.fact_orders as o)
    );
begin
    return query
    with bought as (
        select
            s.customer_id,
            max(s.order_date) as last_order,
            count(distinct s.order_id) as orders_count,
            sum(s.net_amount) as amount
        from commerce.vw_sales as s
        where s.customer_id is not null and s.order_date <= v_as_of
        group by s.customer_id
    )
    select
        b.customer_id,
        c.customer_name,
        c.email,
        b.last_order,
        v_as_of - b.last_order,
        b.orders_count,
        b.amount,
        commerce.fn_churn_risk(b.last_order, v_as_of)
    from bought as b
    inner join commerce.dim_customers as c on b.customer_id = c.customer_id and c.is_current
    where commerce.fn_churn_risk(b.last_order, v_as_of) <> 'LOW'
    order by b.amount desc, b.customer_id;
end;
$$;
