-- analyze
analyze landing.customers;

-- analyze_columns
analyze landing.customers (customer_id, _seq, _extracted_at, _deleted_at);

-- drop
drop table if exists landing."customers.before";

-- empty
select
    tidemark.empty_work_table(
        '"landing"."customers.keys"',
        array['customer_id',
        'updated_at']::text[],
        array['bigint',
        'timestamp with time zone']::text[]
    );

-- fill
insert into landing."customers.missing" (
    customer_id,
    name,
    email,
    phone,
    city,
    country,
    segment,
    created_at,
    updated_at
)
select customer_id, name, email, phone, city, country, segment, created_at, updated_at
from (
select
    m.customer_id,
    m.name,
    m.email,
    m.phone,
    m.city,
    m.country,
    m.segment,
    m.created_at,
    m.updated_at
from public.mrr_dim_customers as m
where
    m._deleted_at is null
    and not exists (
        select
        from landing."customers.keys" as k
        where m.customer_id = k.customer_id
    )
) as q;

-- make
drop table if exists landing."customers.before";
create unlogged table landing."customers.before" as
select
    customer_id,
    customer_name,
    email,
    phone,
    city,
    country,
    country_code,
    segment,
    created_at,
    updated_at,
    _deleted_at,
    _first_batch_id
from public.stg_dim_customers;

-- take
select tidemark.take_alone('"landing"."customers.cleaned"');
