-- discard
delete from public.dwh_fact_sales as f
using (
    select k.sale_id
    from (select sale_id::bigint as sale_id from unnest(array['2']::text[]) as k (sale_id)) as k
    left join landing.sales as l on k.sale_id = l.sale_id
    where l._batch_id is null
) as g
where f.original_sale_id = g.sale_id;

-- drop_written
delete from landing_checked."events.resolved" as r
using landing_checked."events.written" as w
where r.no = w.no;

-- ensure_partitions
select
    tidemark.ensure_month_partitions('"public"."dwh_fact_sales"', array(select distinct date_trunc('month', days.day at time zone 'UTC')::date
from (
    select distinct date_bin('1 day', l._seen_at, timestamptz '2000-01-01 00:00+00') as day
    from landing.sales as l
) as days));

-- insert
insert into checked.fact_events (no, id, at, thing_key, _batch_id)
select
    r.no,
    r.id,
    r.at,
    r.thing_key,
    r._batch_id
from landing_checked."events.resolved" as r;

-- is_empty
select not exists (
    select 1
    from checked.fact_events
    limit 1
);

-- lacking
select
    array_remove(
        array[case when bool_or(thing_key is null) then 'thing_key' end, null]::text[], null
    ) as lacking,
    coalesce(bool_or(_may_be_here), false)
    or exists (
        select 1
        from landing_checked.events as l
        where l._deleted_at is not null
    ) as some_may_be_here
from landing_checked."events.resolved";

-- months
select distinct date_trunc('month', days.day at time zone 'UTC')::date
from (
    select distinct date_bin('1 day', l._seen_at, timestamptz '2000-01-01 00:00+00') as day
    from landing.sales as l
) as days;

-- redate
update checked.fact_events as f
set (id, at, thing_key, _batch_id) = (r.id, r.at, r.thing_key, r._batch_id)
from landing_checked."events.resolved" as r
where r._may_be_here and f.no = r.no;

-- redated
select r.no
from checked.fact_events as f
inner join landing_checked."events.resolved" as r on f.no = r.no
where r._may_be_here;

-- remove
delete from checked.fact_events as f
using landing_checked.events as l
where l._deleted_at is not null and f.no = l.no;

-- remove_surplus
delete from public.dwh_fact_sales as f
using (
    select
        s.original_sale_id,
        s.transaction_timestamp as _event_time
    from public.dwh_fact_sales as s
    left join landing.sales as l on s.original_sale_id = l.sale_id
    where l._batch_id is null
) as g
where f.original_sale_id = g.original_sale_id and f.transaction_timestamp = g._event_time;

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

-- resolve_inferred
update landing."sales.resolved" as r
set customer_key = x.customer_key
from public.dwh_dim_customers as x
where r.customer_key is null and x.customer_id = r._by_0::bigint;

-- resolve_unknown
update landing."sales.resolved" as r
set customer_key = 0
where r.customer_key is null;

-- some_are_left
select exists (
    select 1
    from landing."sales.resolved"
    where _may_be_here
);

-- unknown_years
select distinct y.year
from (
select distinct extract(year from days.day)::int as year
from (select distinct l.transaction_date as day from landing.sales as l) as days
where days.day is not null
) as y
left join dwh_dim_date as d on y.year * 10000 + 101 = d.date_key
where d.date_key is null;

-- update
update checked.fact_events as f
set (id, at, thing_key, _batch_id) = (r.id, r.at, r.thing_key, r._batch_id)
from landing_checked."events.resolved" as r
where
    r._may_be_here
    and f.no = r.no
    and f.at = r.at
    and (
        (
            f.id is distinct from r.id
            or f.at is distinct from r.at
            or f.thing_key is distinct from r.thing_key
        )
    );

-- updated
select r.no
from checked.fact_events as f
inner join landing_checked."events.resolved" as r
    on
        f.no = r.no
        and f.at = r.at
where r._may_be_here;

-- years
select distinct extract(year from days.day)::int as year
from (select distinct l.transaction_date as day from landing.sales as l) as days
where days.day is not null;
