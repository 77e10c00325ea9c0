-- numbered
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
    _batch_id,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _seq
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
        _batch_id,
        _extracted_at,
        _deleted_at,
        _seq,
        row_number() over () as _first_batch_id
    from (select t.customer_id, t.name, t.email, t.phone, t.city, t.country, t.segment, t.created_at, t.updated_at, t._batch_id, t._first_batch_id, t._extracted_at, t._deleted_at, t._seq
    from public.mrr_dim_customers as t
    where t._deleted_at is null or t._batch_id > 2) as r
) as v;
