-- late_keys
select array[customer_id::text]
from public.customers
where updated_at >= timestamptz '2025-01-01Z'
limit 200000;
