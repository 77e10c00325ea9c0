-- landed
select v.*
from (select
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    null::bigint as _replaced_by
from public.stg_dim_customers
union all
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from public.stg_dim_customers_history) as v
where v.customer_id = '1'::bigint and (1::bigint is null or v._batch_id <= 1);

-- rows
select v.*
from (select
    id,
    at,
    n,
    sizes,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    null::bigint as _replaced_by
from sold.stg_states
union all
select
    id,
    at,
    n,
    sizes,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from sold.stg_states_history) as v
where
    v.id = '1'::integer
    and (null::bigint is null or v._batch_id <= null)
    and (v._replaced_by is null or v._replaced_by > null);

-- touches
select
    v._batch_id,
    min(v._extracted_at) as seen_at,
    count(*) as versions,
    (array_agg(v._deleted_at is not null order by v._seq desc))[1] as is_delete
from (select
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    null::bigint as _replaced_by
from public.stg_dim_customers
union all
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from public.stg_dim_customers_history) as v
where v.customer_id = '1'::bigint
group by v._batch_id
order by v._batch_id;

-- versions
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    null::bigint as _replaced_by
from public.stg_dim_customers
union all
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from public.stg_dim_customers_history;
