-- dots
select
    f.customer_key,
    f.transaction_timestamp as happened_at,
    array[f.original_sale_id::text]
from public.dwh_fact_sales as f
where f.customer_key = any (:keys)
order by happened_at desc
limit :most;
