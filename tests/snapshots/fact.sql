-- facts
select
    f.transaction_timestamp as happened_at,
    f._batch_id,
    f.sale_key::text,
    f.original_sale_id::text,
    f.customer_key::text,
    f.product_key::text,
    f.date_key::text,
    f.quantity::text,
    f.unit_price::text,
    f.discount::text,
    f.net_amount::text,
    f.status::text,
    f.transaction_date::text,
    f.transaction_timestamp::text,
    f._batch_id::text
from public.dwh_fact_sales as f
where f.original_sale_id = '1'::bigint
limit 10;

-- member
select
    d.customer_key,
    array[d.customer_id::text],
    d.valid_from,
    d.valid_to,
    d.is_inferred,
    d._batch_id
from public.dwh_dim_customers as d
where d.customer_key = :surrogate;
