-- What sells. Sales are those that vw_sales counts; dates are those of orders, inclusive on both
-- ends, and null leaves an end open.

-- The sales of each day between two dates, in order.
--
-- reads    commerce.vw_sales
-- returns  a row for each day that has a sale
-- repeat   safe
create or replace function commerce.fn_daily_sales(
    p_start date default null, p_end date default null
)
returns table (order_date date, total_sales numeric, total_orders bigint)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        s.order_date,
        sum(s.net_amount),
        count(distinct s.order_id)
    from commerce.vw_sales as s
    where
        s.order_date >= coalesce(p_start, '-infinity')
        and s.order_date <= coalesce(p_end, 'infinity')
    group by s.order_date
    order by s.order_date;
end;
$$;

-- The products with the highest sales between two dates, highest first (then by product_id).
--
-- reads    commerce.vw_sales, commerce.dim_products
-- returns  at most p_limit rows (null: all); name and category as now; products without a sale in
--          the range are not in it
-- raises   invalid_row_count_in_limit_clause for a negative p_limit
-- repeat   safe
create or replace function commerce.fn_top_products(
    p_limit integer default 10, p_start date default null, p_end date default null
)
returns table (
    product_id text,
    product_name text,
    category text,
    quantity bigint,
    total_orders bigint,
    total_sales numeric
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with top as (
        select
            s.product_id,
            sum(s.quantity) as units,
            count(distinct s.order_id) as orders,
            sum(s.net_amount) as amount
        from commerce.vw_sales as s
        where
            s.product_id is not null
            and s.order_date >= coalesce(p_start, '-infinity')
            and s.order_date <= coalesce(p_end, 'infinity')
        group by s.product_id
        order by sum(s.net_amount) desc, s.product_id
        limit p_limit
    )
    select
        t.product_id,
        p.product_name,
        p.category,
        t.units,
        t.orders,
        t.amount
    from top as t
    inner join commerce.dim_products as p on t.product_id = p.product_id and p.is_current
    order by t.amount desc, t.product_id;
end;
$$;
