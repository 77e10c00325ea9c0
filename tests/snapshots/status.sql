-- count
select count(*) from public.dwh_dim_customers;

-- count_current
select count(*)
from public.mrr_dim_customers
where _deleted_at is null;
