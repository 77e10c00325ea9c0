-- count
select count(*)
from (
    select
        customer_id,
        segment,
        city,
        country,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at
    from public.stg_dim_customers
    where
        _batch_id >= 2
        and (_first_batch_id < _batch_id or _seq > 0)
        and _deleted_at is null
    union all
    select
        customer_id,
        segment,
        city,
        country,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at
    from public.stg_dim_customers_history
    where _batch_id >= 2 and _deleted_at is null
) as v
cross join lateral (
    select
        h.customer_id,
        h.segment,
        h.city,
        h.country,
        h.updated_at,
        h._extracted_at,
        h._deleted_at
    from public.stg_dim_customers_history as h
    where h.customer_id = v.customer_id and (h._batch_id, h._seq) < (v._batch_id, v._seq)
    order by h._batch_id desc, h._seq desc
    limit 1
) as o
where
    o._deleted_at is null
    and o.updated_at = v.updated_at
    and o._extracted_at < v._extracted_at
    and v.updated_at <= v._extracted_at
    and (
        o.segment is distinct from v.segment
        or o.city is distinct from v.city
        or o.country is distinct from v.country
    );
