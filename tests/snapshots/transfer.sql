-- analyze
analyze landing.customers;

-- create
create unlogged table landing."customers.keys" (
    customer_id bigint, updated_at timestamp with time zone
);

-- create_temporary
create temporary table pg_temp."customers.keys" (
    customer_id bigint, updated_at timestamp with time zone
);

-- drop
drop table if exists landing.customers;

-- has_rows
select
    0 as place,
    exists (select from landing.customers) as has_rows;

-- part
select v
from (
    select tag, part, v, sizes, at, updated_at
    from public.things
    where updated_at >= timestamptz '2025-01-01Z' and updated_at < timestamptz '2025-01-01Z'
) as q;

-- send
copy (select customer_id, updated_at from public.customers where true) to stdout (format "binary");

-- truncate
truncate table landing.customers;
