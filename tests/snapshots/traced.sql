-- claims
select jsonb_build_array(c.mrr_key ->> 'sale_id')
from tidemark.key_claim as c
where
    c.area = :area
    and c.entity = :entity
    and c.stg_key = jsonb_build_object('sale_id', '1'::bigint)
order by c.holds desc, c.mrr_key;

-- rows
select
    v._batch_id,
    v._seq,
    v._extracted_at,
    v._deleted_at,
    v._replaced_by,
    v.payload
from (
    select
        m._batch_id,
        m._seq,
        m._extracted_at,
        m._deleted_at,
        null::bigint as _replaced_by,
        jsonb_build_object(
            'customer_id',
            m.customer_id::text,
            'name',
            m.name::text,
            'email',
            m.email::text,
            'phone',
            m.phone::text,
            'city',
            m.city::text,
            'country',
            m.country::text,
            'segment',
            m.segment::text,
            'created_at',
            m.created_at::text,
            'updated_at',
            m.updated_at::text
        ) as payload
    from public.mrr_dim_customers as m
    where m.customer_id = '1'::bigint
    union all
    select
        h._batch_id,
        h._seq,
        h._extracted_at,
        h._deleted_at,
        h._replaced_by,
        jsonb_build_object(
            'customer_id',
            h.customer_id::text,
            'name',
            h.name::text,
            'email',
            h.email::text,
            'phone',
            h.phone::text,
            'city',
            h.city::text,
            'country',
            h.country::text,
            'segment',
            h.segment::text,
            'created_at',
            h.created_at::text,
            'updated_at',
            h.updated_at::text
        ) as payload
    from public.mrr_dim_customers_history as h
    where h.customer_id = '1'::bigint
) as v
order by v._batch_id desc, v._seq desc
limit :most;

-- stays
select
    r.batch_id,
    r.first_seen_at,
    r.last_seen_at,
    r.resolved_at,
    r.reasons,
    r.row_data
from stg_rejects as r
where
    r.area = :area
    and r.entity = :entity
    and r.key in (
        jsonb_build_object('sale_id', '1'::bigint), jsonb_build_object('sale_id', '1'::text)
    )
order by r.first_seen_at, r.reject_id
limit :most;
