-- current_versions
select sale_id, customer_id, product_id, quantity, unit_price, discount, net_amount, status, transaction_timestamp, transaction_date, transaction_year, transaction_month, transaction_day, transaction_hour, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at from public.stg_fact_sales where _batch_id > 0;

-- fill
insert into public.mrr_dim_customers (customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    i.customer_id,
    i.name,
    i.email,
    i.phone,
    i.city,
    i.country,
    i.segment,
    i.created_at,
    i.updated_at,
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from (
    select
        customer_id,
        name,
        email,
        phone,
        city,
        country,
        segment,
        created_at,
        updated_at,
        1::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(_extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from landing.customers
) as i;

-- find
select
    m.customer_id,
    m.ctid as _row,
    (
        false
        or (m.customer_id is distinct from i.customer_id or m.customer_name is distinct from i.customer_name or m.email is distinct from i.email or m.phone is distinct from i.phone or m.city is distinct from i.city or m.country is distinct from i.country or m.country_code is distinct from i.country_code or m.segment is distinct from i.segment or m.created_at is distinct from i.created_at or m.updated_at is distinct from i.updated_at)
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
from (
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
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    from landing."customers.cleaned"
    where reject_reasons = '{}' and _deleted_at is null
    union all
    select
        m.customer_id,
        m.customer_name,
        m.email,
        m.phone,
        m.city,
        m.country,
        m.country_code,
        m.segment,
        m.created_at,
        m.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    inner join public.stg_dim_customers as m on m.customer_id = c.customer_id
    where c._deleted_at is not null and c._mrr_key is null
    union all
    select
        m.customer_id,
        m.customer_name,
        m.email,
        m.phone,
        m.city,
        m.country,
        m.country_code,
        m.segment,
        m.created_at,
        m.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    inner join public.stg_dim_customers as m on m.customer_id = c.customer_id
    where
        false
        and c._mrr_key is null
        and c.reject_reasons <> '{}'
        and c._deleted_at is null
        and m._deleted_at is null
    union all
    select
        m.customer_id,
        m.customer_name,
        m.email,
        m.phone,
        m.city,
        m.country,
        m.country_code,
        m.segment,
        m.created_at,
        m.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    cross join lateral jsonb_populate_record(null::public.stg_dim_customers, c._held) as h
    inner join public.stg_dim_customers as m on m.customer_id = h.customer_id
    where
        false
        and not c._frees
        and c.reject_reasons <> '{}'
        and c._deleted_at is null
        and m._deleted_at is null
) as i
inner join public.stg_dim_customers as m on m.customer_id = i.customer_id;

-- has_repeated
select exists (
    select
    from landing."mrr_dim_customers.found" as f
    inner join landing."mrr_dim_customers.found" as o on f._row = o._row
    where f._differs and not o._differs
);

-- has_rows
select
    'customers' as entity,
    exists (select from public.mrr_dim_customers) as has_rows;

-- has_versions
select
    'customers' as entity,
    exists (select from public.mrr_dim_customers where _batch_id > 0) as has_versions;

-- insert
insert into public.mrr_dim_customers (customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    i.customer_id,
    i.name,
    i.email,
    i.phone,
    i.city,
    i.country,
    i.segment,
    i.created_at,
    i.updated_at,
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from (
    select
        customer_id,
        name,
        email,
        phone,
        city,
        country,
        segment,
        created_at,
        updated_at,
        2::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(_extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from landing.customers
) as i
where not exists (select from landing."mrr_dim_customers.found" as f where f.customer_id = i.customer_id);

-- is_empty
select not exists (select from public.mrr_dim_customers);

-- keep_history
insert into public.mrr_dim_customers_history (customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
select
    m.customer_id,
    m.name,
    m.email,
    m.phone,
    m.city,
    m.country,
    m.segment,
    m.created_at,
    m.updated_at,
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at
from landing."mrr_dim_customers.found" as f
inner join public.mrr_dim_customers as m on f._row = m.ctid
where f._differs;

-- update
update public.mrr_dim_customers as m
set
    (customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _seq, _extracted_at, _deleted_at)
    = (i.customer_id, i.name, i.email, i.phone, i.city, i.country, i.segment, i.created_at, i.updated_at, i._batch_id, i._seq, i._extracted_at, i._deleted_at)
from landing."mrr_dim_customers.found" as f
inner join (
    select
        customer_id,
        name,
        email,
        phone,
        city,
        country,
        segment,
        created_at,
        updated_at,
        2::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(_extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from landing.customers
) as i on f.customer_id = i.customer_id
where m.ctid = f._row and f._differs;

-- versions
select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at from public.stg_dim_customers where _batch_id > 0
union all
select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at from public.stg_dim_customers_history where _batch_id > 0;
