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
    customer_id,
    6,
    0,
    6,
    timestamptz '2025-01-01Z',
    timestamptz '2025-01-01Z'
from (
    select customer_id::bigint as customer_id from unnest(array['98']::text[]) as k (customer_id)
) as k
where not exists (
    select
    from landing.customers as l
    where l.customer_id = k.customer_id
);
