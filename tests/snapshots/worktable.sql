-- analyze
analyze landing."customers.cleaned";

-- drop
drop table if exists landing."customers.before";

-- make
drop table if exists landing."customers.before";
create unlogged table landing."customers.before" as
select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _deleted_at
from public.stg_dim_customers
where _deleted_at is null;
