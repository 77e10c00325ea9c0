-- facts
select
    customer_key,
    count(*)
from public.dwh_fact_sales
where customer_key = any (:keys)
group by customer_key;

-- most_versions
select customer_id
from public.dwh_dim_customers
where customer_key <> 0
group by customer_id
order by count(*) desc, customer_id
limit 1;

-- natural_key
select d.customer_id::text
from public.dwh_dim_customers as d
where d.customer_key = :surrogate;

-- versions
select
    customer_key,
    customer_id,
    customer_name,
    email,
    phone,
    city,
    country,
    country_code,
    segment,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    is_inferred,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq
from public.dwh_dim_customers
where customer_id = '1'::bigint
order by valid_from;
