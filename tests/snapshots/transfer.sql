-- create
create unlogged table landing."customers.compared" (
    customer_id text,
    segment text,
    city text,
    country text,
    customer_name text,
    email text,
    phone text,
    _effective text,
    _pending boolean
);

-- create_temporary
create temporary table pg_temp."customers.keys" (
    customer_id bigint, updated_at timestamp with time zone
);

-- drop
drop table if exists pg_temp."customers.keys";

-- part
select
    1
from (select tag, part, v, sizes, at, updated_at
from public.things
where updated_at >= timestamptz '2025-01-01Z' and updated_at < timestamptz '2025-01-01Z') as q;

-- send
copy (select customer_id, updated_at
from public.customers
where true) to stdout (format "binary");
