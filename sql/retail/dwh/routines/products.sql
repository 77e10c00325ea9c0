-- How one product, or one group of them, sells. Sales are those that vw_sales counts, found over
-- every version of the product. Dates are UTC and inclusive on both ends; null leaves an end open.

-- Units of one product sold per day, over the p_days days of which p_as_of is the last (null:
-- today, UTC).
--
-- reads    vw_sales, dwh_dim_products
-- returns  0 for a product without sales in those days, null for one that does not exist
-- raises   invalid_parameter_value unless p_days is above 0
-- repeat   safe; pass p_as_of for an answer that does not change from day to day
create or replace function fn_product_sales_velocity(
    p_product_id bigint, p_days integer default 30, p_as_of date default null
)
returns numeric
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_as_of constant date := coalesce(p_as_of, (now() at time zone 'UTC')::date);
    v_from constant timestamptz := (v_as_of + 1 - p_days)::timestamp at time zone 'UTC';
    v_to constant timestamptz := (v_as_of + 1)::timestamp at time zone 'UTC';
begin
    if p_days is null or p_days <= 0 then
        raise invalid_parameter_value using message = format(
            'p_days: %s is not a number of days. Give a whole number above 0.',
            coalesce(p_days::text, 'null')
        );
    end if;
    if not exists (select from dwh_dim_products where product_id = p_product_id) then
        return null;
    end if;
    return (
        select round(coalesce(sum(s.quantity), 0)::numeric / p_days, 2)
        from vw_sales as s
        where
            s.product_id = p_product_id
            and s.transaction_timestamp >= v_from
            and s.transaction_timestamp < v_to
    );
end;
$$;

-- Totals of one product group between two dates. A sale belongs to the group that its product was
-- in at the sale; customers and products are counted once, whatever number of versions they have.
--
-- reads    vw_sales, dwh_dim_products
-- returns  an object: product_group, start_date and end_date as given, total_quantity,
--          total_transactions, total_revenue, distinct_customers (known ones), distinct_products,
--          avg_quantity_per_transaction, avg_revenue_per_transaction, first_sale and last_sale
--          (dates). Without sales in the range numbers are 0 and dates null; null for a group that
--          no version of a product is in
-- repeat   safe
create or replace function fn_product_group_performance(
    p_product_group text, p_start date default null, p_end date default null
)
returns jsonb
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start, '-infinity')::timestamp at time zone 'UTC';
    v_to constant timestamptz := (coalesce(p_end, 'infinity') + 1)::timestamp at time zone 'UTC';
begin
    if not exists (select from dwh_dim_products where product_group = p_product_group) then
        return null;
    end if;
    return (
        select
            jsonb_build_object(
                'product_group', p_product_group,
                'start_date', p_start,
                'end_date', p_end,
                'total_quantity', coalesce(sum(s.quantity), 0),
                'total_transactions', count(*),
                'total_revenue', coalesce(sum(s.net_amount), 0),
                'distinct_customers', count(distinct s.customer_id),
                'distinct_products', count(distinct s.product_id),
                'avg_quantity_per_transaction', coalesce(round(avg(s.quantity), 2), 0),
                'avg_revenue_per_transaction', coalesce(round(avg(s.net_amount), 2), 0),
                'first_sale', (min(s.transaction_timestamp) at time zone 'UTC')::date,
                'last_sale', (max(s.transaction_timestamp) at time zone 'UTC')::date
            )
        from vw_sales as s
        where
            s.product_group = p_product_group
            and s.transaction_timestamp >= v_from
            and s.transaction_timestamp < v_to
    );
end;
$$;
