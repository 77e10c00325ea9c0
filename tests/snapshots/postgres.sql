-- count
select count(*) from public.customers where updated_at >= timestamptz '2025-01-01Z' and updated_at < timestamptz '2025-01-01Z';

-- rows
select customer_id, name, email, phone, city, country, segment, created_at, updated_at from public.customers where updated_at < timestamptz '2025-01-01Z';
