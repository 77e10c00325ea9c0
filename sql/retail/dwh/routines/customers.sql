-- What one customer, or the best of them, bought. Sales are those that vw_sales counts, found over
-- every version of the customer. Dates are UTC and inclusive on both ends; null leaves an end open.

-- Average quantity per sale to one customer between two dates.
--
-- reads    vw_sales, dwh_dim_customers
-- returns  0 for a customer without sales in the range, null for one that does not exist
-- repeat   safe
create or replace function fn_avg_quantity_per_customer(
    p_customer_id bigint, p_start date default null, p_end date default null
)
returns numeric
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start, '-infinity')::timestamp at time zone 'UTC';
    v_to constant timestamptz := (coalesce(p_end, 'infinity') + 1)::timestamp at time zone 'UTC';
begin
    if not exists (select from dwh_dim_customers where customer_id = p_customer_id) then
        return null;
    end if;
    return (
        select coalesce(round(avg(s.quantity), 2), 0)
        from vw_sales as s
        where
            s.customer_id = p_customer_id
            and s.transaction_timestamp >= v_from
            and s.transaction_timestamp < v_to
    );
end;
$$;

-- Net amount of all the sales to one customer.
--
-- reads    vw_sales, dwh_dim_customers
-- returns  0 for a customer without sales, null for one that does not exist
-- repeat   safe
create or replace function fn_customer_lifetime_value(p_customer_id bigint)
returns numeric
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
begin
    if not exists (select from dwh_dim_customers where customer_id = p_customer_id) then
        return null;
    end if;
    return (
        select coalesce(sum(s.net_amount), 0)
        from vw_sales as s
        where s.customer_id = p_customer_id
    );
end;
$$;

-- Days from the last purchase of one customer to the date p_as_of (null: today, UTC). Purchases
-- after p_as_of have not happened yet.
--
-- reads    vw_sales
-- returns  0 for a purchase on p_as_of; null for a customer without one, or that does not exist
-- repeat   safe; pass p_as_of for an answer that does not change from day to day
create or replace function fn_customer_recency(p_customer_id bigint, p_as_of date default null)
returns integer
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_as_of constant date := coalesce(p_as_of, (now() at time zone 'UTC')::date);
    v_to constant timestamptz := (v_as_of + 1)::timestamp at time zone 'UTC';
begin
    return (
        select v_as_of - max((s.transaction_timestamp at time zone 'UTC')::date)
        from vw_sales as s
        where s.customer_id = p_customer_id and s.transaction_timestamp < v_to
    );
end;
$$;

-- The customers with the highest revenue between two dates, highest first (then by customer_id).
--
-- reads    vw_sales, dwh_dim_customers
-- returns  at most p_limit rows (null: all), name and country as now; customers without sales in
--          the range and the unknown customer are not in it
-- raises   invalid_row_count_in_limit_clause for a negative p_limit
-- repeat   safe
create or replace function fn_top_customers(
    p_limit integer default 10, p_start date default null, p_end date default null
)
returns table (
    customer_id bigint,
    customer_name text,
    country text,
    total_quantity bigint,
    total_transactions bigint,
    avg_quantity_per_transaction numeric,
    revenue numeric
)
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start, '-infinity')::timestamp at time zone 'UTC';
    v_to constant timestamptz := (coalesce(p_end, 'infinity') + 1)::timestamp at time zone 'UTC';
begin
    return query
    with top as (
        select
            s.customer_id,
            sum(s.quantity) as quantity,
            count(*) as transactions,
            sum(s.net_amount) as amount
        from vw_sales as s
        where
            s.customer_id is not null
            and s.transaction_timestamp >= v_from
            and s.transaction_timestamp < v_to
        group by s.customer_id
        order by sum(s.net_amount) desc, s.customer_id
        limit p_limit
    )
    select
        t.customer_id,
        c.customer_name,
        c.country,
        t.quantity,
        t.transactions,
        round(t.quantity::numeric / t.transactions, 2),
        t.amount
    from top as t
    cross join lateral (
        select d.customer_name, d.country
        from dwh_dim_customers as d
        where d.customer_id = t.customer_id
        order by d.valid_from desc
        limit 1
    ) as c
    order by t.amount desc, t.customer_id;
end;
$$;
