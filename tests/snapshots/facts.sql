-- discard
delete from public.dwh_fact_sales as f
using (select sale_id::bigint as sale_id from unnest(array['2']::text[]) as k (sale_id)) as k
where
    f.original_sale_id = k.sale_id
    and not exists (
        select
        from landing.sales as l
        where f.original_sale_id = l.sale_id
    );

-- drop_redated
delete from landing."sales.resolved" as r
using public.dwh_fact_sales as f
where r._may_be_here and f.original_sale_id = r.original_sale_id;

-- drop_updated
delete from landing."sales.resolved" as r
using public.dwh_fact_sales as f
where r._may_be_here
and f.original_sale_id = r.original_sale_id
and f.transaction_timestamp = r.transaction_timestamp;

-- insert
insert into public.dwh_fact_sales (
    original_sale_id,
    quantity,
    unit_price,
    discount,
    net_amount,
    status,
    transaction_date,
    transaction_timestamp,
    customer_key,
    product_key,
    date_key,
    _batch_id
)
select
    r.original_sale_id,
    r.quantity,
    r.unit_price,
    r.discount,
    r.net_amount,
    r.status,
    r.transaction_date,
    r.transaction_timestamp,
    r.customer_key,
    r.product_key,
    r.date_key,
    r._batch_id
from landing."sales.resolved" as r;

-- is_empty
select not exists (
    select 1
    from public.dwh_fact_sales
    limit 1
);

-- lacking
select
    array_remove(
        array[case when bool_or(customer_key is null) then 'customer_key' end,
        case when bool_or(product_key is null) then 'product_key' end],
        null
    ) as lacking
from landing."sales.resolved";

-- months
select distinct date_trunc('month', days.day at time zone 'UTC')::date
from (
    select distinct date_bin('1 day', l._seen_at, timestamptz '2000-01-01 00:00+00') as day
    from landing.sales as l
) as days;

-- redate
update public.dwh_fact_sales as f
set (
    quantity,
    unit_price,
    discount,
    net_amount,
    status,
    transaction_date,
    transaction_timestamp,
    customer_key,
    product_key,
    date_key,
    _batch_id
) = (
    r.quantity,
    r.unit_price,
    r.discount,
    r.net_amount,
    r.status,
    r.transaction_date,
    r.transaction_timestamp,
    r.customer_key,
    r.product_key,
    r.date_key,
    r._batch_id
)
from landing."sales.resolved" as r
where r._may_be_here and f.original_sale_id = r.original_sale_id;

-- remove
delete from public.dwh_fact_sales as f
using landing.sales as l
where l._deleted_at is not null and f.original_sale_id = l.sale_id;

-- remove_surplus
delete from public.dwh_fact_sales as f
where not exists (
    select
    from landing.sales as l
    where f.original_sale_id = l.sale_id
);

-- resolve
select
    l.sale_id as original_sale_id,
    l.quantity as quantity,
    l.unit_price as unit_price,
    l.discount as discount,
    l.net_amount as net_amount,
    l.status as status,
    l.transaction_date as transaction_date,
    l._seen_at as transaction_timestamp,
    l.customer_id as _by_0, l.product_id as _by_1,
    coalesce(d0.customer_key, (
    select x.customer_key
    from public.dwh_dim_customers as x
    where x.customer_id = l.customer_id::bigint
    order by
        x.valid_from <= l._seen_at desc,
        case when x.valid_from <= l._seen_at then x.valid_from end desc,
        x.valid_from
    limit 1
)) as customer_key, coalesce(d1.product_key, (
    select x.product_key
    from public.dwh_dim_products as x
    where x.product_id = l.product_id::bigint
    order by
        x.valid_from <= l._seen_at desc,
        case when x.valid_from <= l._seen_at then x.valid_from end desc,
        x.valid_from
    limit 1
)) as product_key,
    coalesce(to_char(l.transaction_date, 'YYYYMMDD')::integer, 0) as date_key,
    l._batch_id,
    l._first_batch_id <= 8 as _may_be_here
from landing.sales as l
left join public.dwh_dim_customers as d0
    on
        d0.customer_id = l.customer_id::bigint
        and d0.valid_from <= l._seen_at
        and d0.valid_to > l._seen_at
left join public.dwh_dim_products as d1
    on
        d1.product_id = l.product_id::bigint
        and d1.valid_from <= l._seen_at
        and d1.valid_to > l._seen_at
where l._deleted_at is null or false and l._first_batch_id <= 8;

-- resolve_missing
update landing."sales.resolved" as r
set customer_key = coalesce(
    (
        select x.customer_key
        from public.dwh_dim_customers as x
        where x.customer_id = r._by_0::bigint
    ),
    0
)
where r.customer_key is null;

-- update
update public.dwh_fact_sales as f
set (
    quantity,
    unit_price,
    discount,
    net_amount,
    status,
    transaction_date,
    transaction_timestamp,
    customer_key,
    product_key,
    date_key,
    _batch_id
) = (
    r.quantity,
    r.unit_price,
    r.discount,
    r.net_amount,
    r.status,
    r.transaction_date,
    r.transaction_timestamp,
    r.customer_key,
    r.product_key,
    r.date_key,
    r._batch_id
)
from landing."sales.resolved" as r
where
    r._may_be_here
    and f.original_sale_id = r.original_sale_id
    and f.transaction_timestamp = r.transaction_timestamp
    and (
        f.quantity is distinct from r.quantity
        or f.unit_price is distinct from r.unit_price
        or f.discount is distinct from r.discount
        or f.net_amount is distinct from r.net_amount
        or f.status is distinct from r.status
        or f.transaction_date is distinct from r.transaction_date
        or f.transaction_timestamp is distinct from r.transaction_timestamp
        or f.customer_key is distinct from r.customer_key
        or f.product_key is distinct from r.product_key
        or f.date_key is distinct from r.date_key
    );

-- years
select distinct extract(year from days.day)::int
from (select distinct l.transaction_date as day from landing.sales as l) as days
where days.day is not null;
