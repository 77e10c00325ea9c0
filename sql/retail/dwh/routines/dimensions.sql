-- The customers as they were at the instant p_at: the versions in force, one per customer.
--
-- reads    dwh_dim_customers
-- returns  no row for the unknown customer, nor for one that was deleted at p_at
-- repeat   safe
create or replace function fn_dim_customers_as_of(p_at timestamptz)
returns table (
    customer_key bigint,
    customer_id bigint,
    customer_name text,
    email text,
    phone text,
    city text,
    country text,
    country_code text,
    segment text,
    is_inferred boolean,
    valid_from timestamptz,
    valid_to timestamptz
)
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
begin
    return query
    select
        c.customer_key,
        c.customer_id,
        c.customer_name,
        c.email,
        c.phone,
        c.city,
        c.country,
        c.country_code,
        c.segment,
        c.is_inferred,
        c.valid_from,
        c.valid_to
    from dwh_dim_customers as c
    where
        c.valid_from <= p_at
        and p_at < c.valid_to
        and c.customer_key <> 0;
end;
$$;

-- The products as they were at the instant p_at: the versions in force, one per product.
--
-- reads    dwh_dim_products
-- returns  no row for the unknown product, nor for one that was deleted at p_at
-- repeat   safe
create or replace function fn_dim_products_as_of(p_at timestamptz)
returns table (
    product_key bigint,
    product_id bigint,
    product_name text,
    product_group text,
    unit_price numeric,
    is_active boolean,
    is_inferred boolean,
    valid_from timestamptz,
    valid_to timestamptz
)
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
begin
    return query
    select
        p.product_key,
        p.product_id,
        p.product_name,
        p.product_group,
        p.unit_price,
        p.is_active,
        p.is_inferred,
        p.valid_from,
        p.valid_to
    from dwh_dim_products as p
    where
        p.valid_from <= p_at
        and p_at < p.valid_to
        and p.product_key <> 0;
end;
$$;
