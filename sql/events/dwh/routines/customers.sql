-- Each customer on the date p_as_of (null: that of the last order in the star): who it is, what it
-- has bought until then, and how that is rated. Orders after p_as_of have not happened yet; of
-- those before, the state of now counts.
--
-- reads    events.dim_customers, events.fct_orders
-- returns  a row for each customer, those without an order too; no days without an order
-- repeat   safe
create or replace function events.fn_customer_summary(p_as_of date default null)
returns table (
    customer_id text,
    email text,
    first_name text,
    last_name text,
    country text,
    total_orders bigint,
    total_spent numeric,
    last_order_date date,
    days_since_last_order integer,
    recency text,
    frequency text,
    monetary text,
    customer_segment text,
    customer_activity_status text
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_as_of constant date := coalesce(
        p_as_of, (select max((o.ordered_at at time zone 'UTC')::date) from events.fct_orders as o)
    );
begin
    return query
    with bought as (
        select
            o.customer_id,
            count(*) as orders,
            coalesce(sum(o.total_amount), 0) as spent,
            max((o.ordered_at at time zone 'UTC')::date) as last_order
        from events.fct_orders as o
        where
            o.is_fulfilled
            and o.customer_id is not null
            and o.ordered_at < (v_as_of + 1)::timestamp at time zone 'UTC'
        group by o.customer_id
    )
    select
        c.customer_id,
        c.email,
        c.first_name,
        c.last_name,
        c.country,
        coalesce(b.orders, 0),
        coalesce(b.spent, 0),
        b.last_order,
        v_as_of - b.last_order,
        case
            when v_as_of - b.last_order <= 30 then 'high'
            when v_as_of - b.last_order <= 90 then 'medium'
            else 'low'
        end,
        case when b.orders >= 10 then 'high' when b.orders >= 5 then 'medium' else 'low' end,
        case when b.spent >= 1000 then 'high' when b.spent >= 500 then 'medium' else 'low' end,
        case when b.orders > 10 then 'VIP' when b.orders >= 5 then 'Loyal' else 'New' end,
        case when v_as_of - b.last_order <= 30 then 'active' else 'inactive' end
    from events.dim_customers as c
    left join bought as b on c.customer_id = b.customer_id
    where c.is_current and c.customer_key <> 0
    order by coalesce(b.spent, 0) desc, c.customer_id;
end;
$$;
