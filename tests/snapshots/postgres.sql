-- count
select count(*)
from public.customers
where true;

-- rows
select customer_id, updated_at
from public.customers
where true;

-- rows
select customer_id, name, email, phone, city, country, segment, created_at, updated_at, vip
from public.customers
where (customer_id) in (
    select customer_id
    from (
        select customer_id::bigint as customer_id
        from unnest(array['1', '2', '5', '6', '98']::text[]) as k (customer_id)
    ) as named
);
