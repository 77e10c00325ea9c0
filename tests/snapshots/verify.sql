-- broken_versions
select
    array[v.customer_id::text],
    v._what
from (
    select
        customer_id,
        case
            when _next_from < valid_to then 'versions overlap'
            when _next_from > valid_to and not is_deleted then 'a gap that no delete explains'
            when is_current <> (valid_to = timestamptz '2025-01-01Z') then 'is_current does not say which one is open'
            when is_current and _next_from is not null then 'more than one current version'
        end as _what
    from (
        select
            d.customer_id,
            d.valid_to,
            d.is_current,
            d.is_deleted,
            lead(d.valid_from) over (partition by d.customer_id order by d.valid_from) as _next_from
        from public.dwh_dim_customers as d
        where d.customer_key <> 0
    ) as versions
) as v
where v._what is not null
order by 1;

-- mirrored_rows
select t.customer_id, t.name, t.email, t.phone, t.city, t.country, t.segment, t.created_at, t.updated_at, t._batch_id, t._first_batch_id, t._extracted_at, t._deleted_at, t._seq from public.mrr_dim_customers as t where t._deleted_at is null or t._batch_id > 2;

-- misplaced_facts
select array[f.original_sale_id::text]
from public.dwh_fact_sales as f
left join public.dwh_dim_customers as d on f.customer_key = d.customer_key
where
    f.customer_key <> 0
    and (
        d.customer_key is null
        or not (d.valid_from <= f.transaction_timestamp and f.transaction_timestamp < d.valid_to)
        and d.customer_key <> (
    select x.customer_key
    from public.dwh_dim_customers as x
    where x.customer_id = d.customer_id
    order by
        x.valid_from <= f.transaction_timestamp desc,
        case when x.valid_from <= f.transaction_timestamp then x.valid_from end desc,
        x.valid_from
    limit 1
)
    )
order by 1;

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
        where c.reject_reasons <> '{}' and c._batch_id <= 2
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
        and o.resolved_at is null
        and o.key not in (
            select jsonb_build_object('customer_id', l.customer_id) from landing.customers as l where l._batch_id > 2
        )
) as r on s.document = r.document
where s.reasons is distinct from r.reasons
order by 2, 1;

-- staged_counts
select
    (select count(*) from public.stg_dim_customers where _deleted_at is null)
    + (
        select count(*)
        from landing."customers.cleaned" as c
        where
            c.reject_reasons <> '{}'
            and c._batch_id <= 2
            and c._held is null
            and not exists (
                select
                from public.stg_dim_customers as m
                where m.customer_id = c.customer_id and m._deleted_at is null and c._mrr_key is null
            )
    ),
    (select count(*) from landing."customers.cleaned" where _batch_id > 2);
