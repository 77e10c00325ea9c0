-- count
select count(*)
from (
select
    w.customer_id,
    w.segment,
    w.city,
    w.country,
    w.updated_at,
    w._batch_id,
    w._seq,
    w._first_batch_id,
    w._extracted_at,
    w._deleted_at
from (
    select m.*
    from public.stg_dim_customers as m
    where m._first_batch_id > 1
    union all
    select m.*
    from (
        select h.customer_id
        from public.stg_dim_customers_history as h
        where h._replaced_by > 1
        union
        select r.customer_id
        from tidemark.rows_without_history('"public"."stg_dim_customers"', 1) as w (place)
        inner join public.stg_dim_customers as r on w.place = r.ctid
    ) as k
    inner join public.stg_dim_customers as m on m.customer_id = k.customer_id
    where m._first_batch_id <= 1
) as w
union all
select
    h.customer_id,
    h.segment,
    h.city,
    h.country,
    h.updated_at,
    h._batch_id,
    h._seq,
    h._first_batch_id,
    h._extracted_at,
    h._deleted_at
from public.stg_dim_customers_history as h
where h._replaced_by > 1 and h._batch_id > 1
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
    (v._first_batch_id < v._batch_id or v._seq > 0)
    and v._deleted_at is null
    and o._deleted_at is null
    and o.updated_at = v.updated_at
    and o._extracted_at < v._extracted_at
    and v.updated_at <= v._extracted_at
    and (
        o.segment is distinct from v.segment
        or o.city is distinct from v.city
        or o.country is distinct from v.country
    );
