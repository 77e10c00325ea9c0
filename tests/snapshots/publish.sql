-- land_surplus
insert into landing.customers (
    customer_id,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
select
    k.customer_id,
    6,
    0,
    6,
    timestamptz '2025-01-01Z',
    timestamptz '2025-01-01Z'
from (
    select customer_id::bigint as customer_id from unnest(array['98']::text[]) as k (customer_id)
) as k
left join landing.customers as l on k.customer_id = l.customer_id
where l._batch_id is null;
