-- broken_versions
select
    0::int as place,
    array[v.customer_id::text] as key,
    v._what as what
from (
    select
        customer_id,
        case
            when _next_from < valid_to then 'versions overlap'
            when _next_from > valid_to and not is_deleted then 'a gap that no delete explains'
            when is_current <> (
                valid_to = timestamptz '2025-01-01Z'
            ) then 'is_current does not say which one is open'
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
        where d.customer_key <> 0 and true
    ) as versions
) as v
where v._what is not null;

-- broken_versions
select
    0::int as place,
    array[v.customer_id::text] as key,
    v._what as what
from (
    select
        customer_id,
        case
            when _next_from < valid_to then 'versions overlap'
            when _next_from > valid_to and not is_deleted then 'a gap that no delete explains'
            when is_current <> (
                valid_to = timestamptz '2025-01-01Z'
            ) then 'is_current does not say which one is open'
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
        where d.customer_key <> 0 and (d.customer_id) in (
            select l.customer_id
            from landing.customers as l
        )
    ) as versions
) as v
where v._what is not null;

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
