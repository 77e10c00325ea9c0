-- late_keys
select array[t.customer_id::text]
from public.customers as t
where t.updated_at >= timestamptz '2025-01-01Z'
limit 200000;
