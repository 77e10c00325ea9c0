-- mirrored_rows
select
    t.customer_id,
    t.name,
    t.email,
    t.phone,
    t.city,
    t.country,
    t.segment,
    t.created_at,
    t.updated_at,
    t._batch_id,
    t._first_batch_id,
    t._extracted_at,
    t._deleted_at,
    t._seq
from public.mrr_dim_customers as t
where t._deleted_at is null or t._batch_id > 2;

-- reject_differences
select
    array[coalesce(s.document, r.document) ->> 'customer_id'],
    case
        when r.document is null then 'missing'
        when s.document is null then 'surplus'
        else 'changed'
    end
from (
    select
        jsonb_build_object('customer_id', l.customer_id) as document,
        c.reasons
    from (
        select
            c._landed,
            array_agg(distinct reason.reason order by reason.reason) as reasons
        from landing."customers.cleaned" as c
        cross join lateral unnest(c.reject_reasons) as reason (reason)
        where
            c.reject_reasons <> '{}'
            and c._deleted_at is null
            and c._batch_id <= 2
        group by c._landed
    ) as c
    inner join landing.customers as l on c._landed = l._first_batch_id
) as s
full join (
    select
        o.key as document,
        o.reasons
    from stg_rejects as o
    where
        o.area = :area
        and o.entity = :entity
        and o.item is null
        and o.resolved_at is null
        and o.key not in (
            select jsonb_build_object('customer_id', l.customer_id)
            from landing.customers as l
            where l._batch_id > 2
        )
) as r on s.document = r.document
where s.reasons is distinct from r.reasons
order by 2, 1;

-- staged_counts
select
    (
        select count(*)
        from public.stg_dim_customers
        where _deleted_at is null
    )
    + (
        select count(*)
        from landing."customers.cleaned" as c
        where
            c.reject_reasons <> '{}'
            and c._deleted_at is null
            and c._batch_id <= 2
            and c._held is null
            and not exists (
                select
                from public.stg_dim_customers as m
                where m.customer_id = c.customer_id and m._deleted_at is null and c._mrr_key is null
            )
    ),
    (
        select count(*)
        from landing."customers.cleaned"
        where _batch_id > 2
    ),
    (
        select count(*)
        from landing."customers.cleaned"
        where _batch_id <= 2 and _deleted_at is not null
    );
