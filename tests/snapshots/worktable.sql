-- analyze
analyze landing."customers.rebuilt";

-- drop
drop table if exists landing."customers.before";

-- empty
select tidemark.empty_work_table('"landing"."customers"', array['customer_id', 'customer_name', 'email', 'phone', 'city', 'country', 'country_code', 'segment', 'created_at', 'updated_at', '_batch_id', '_seq', '_first_batch_id', '_extracted_at', '_deleted_at']::text[], array['bigint', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'timestamp with time zone', 'timestamp with time zone', 'bigint', 'bigint', 'bigint', 'timestamp with time zone', 'timestamp with time zone']::text[]);

-- fill
insert into landing."customers.cleaned" (customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _extracted_at, _deleted_at, reject_reasons, _landed, _mrr_key, _stg_key, _is_own, _held, _frees, _taken_by, _since)
select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _extracted_at, _deleted_at, reject_reasons, _landed, _mrr_key, _stg_key, _is_own, _held, _frees, _taken_by, _since
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
    _deleted_at,
    case
        when num_nulls(customer_id) > 0 or updated_at is null or updated_at < '0001-01-01' or updated_at >= '9999-12-31' then reject_reasons || array_remove(array[case when num_nulls(customer_id) > 0 then 'key is missing' end, case when updated_at is null or updated_at < '0001-01-01' or updated_at >= '9999-12-31' then 'updated_at is missing, or not between 0001-01-01 and 9999-12-30' end], null)
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
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
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing.clean_customers
    where true
    offset 0
) as v
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
    _deleted_at
from public.stg_dim_customers
where _deleted_at is null;
