-- clock
select clock_timestamp();

-- count
select count(*) from public.customers where updated_at >= timestamptz '2025-01-01Z' and updated_at < timestamptz '2025-01-01Z';

-- limits
set local statement_timeout = 21600000;
set local lock_timeout = 1000;

-- rows
select customer_id, name, email, phone, city, country, segment, created_at, updated_at from public.customers where updated_at < timestamptz '2025-01-01Z';
