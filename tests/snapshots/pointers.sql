-- handovers
select
    d.customer_key as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from landing."customers.timeline" as t
inner join public.dwh_dim_customers as d on t.customer_id = d.customer_id
and d.valid_from = t.valid_from
inner join landing."customers.timeline" as o on t.customer_id = o.customer_id
and o._key <> d.customer_key
where t._grew and o._role = 'version' or o._role = 'superseded';

-- handovers_span
select
    min(v._cover_from)::text as span_from,
    max(v._cover_to)::text as span_to
from (select
    d.customer_key as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from landing."customers.timeline" as t
inner join public.dwh_dim_customers as d on t.customer_id = d.customer_id
and d.valid_from = t.valid_from
inner join landing."customers.timeline" as o on t.customer_id = o.customer_id
and o._key <> d.customer_key
where t._grew and o._role = 'version' or o._role = 'superseded') as v
where exists (
    select 1
    from public.dwh_fact_sales
    limit 1
);

-- moving
select
    t._key,
    t.product_id
from landing."products.timeline" as t
left join public.dwh_dim_products as d on t._key = d.product_key
where
    t._role = 'superseded'
    or t._role = 'version'
    and (t._key is null or d.is_inferred or (d.product_group is distinct from t.product_group));

-- repoint
update public.dwh_fact_sales as f
set customer_key = v.new_key
from (select
    d.customer_key as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from landing."customers.timeline" as t
inner join public.dwh_dim_customers as d on t.customer_id = d.customer_id
and d.valid_from = t.valid_from
inner join landing."customers.timeline" as o on t.customer_id = o.customer_id
and o._key <> d.customer_key
where t._grew and o._role = 'version' or o._role = 'superseded') as v
where f.customer_key = v.old_key
and f.transaction_timestamp >= v._cover_from
and f.transaction_timestamp < v._cover_to
and f.transaction_timestamp >= :span_from::timestamptz
and f.transaction_timestamp < :span_to::timestamptz;

-- repoint
update sold.fact_zoned as f
set state_key = v.new_key
from (select
    d.state_key as new_key,
    o._key as old_key,
    t._cover_from,
    t._cover_to
from landing_sold."states.timeline" as t
inner join sold.dim_states as d on t.id = d.id and d.valid_from = t.valid_from
inner join landing_sold."states.timeline" as o on t.id = o.id and o._key <> d.state_key
where t._grew and o._role = 'version' or o._role = 'superseded') as v
where f.state_key = v.old_key
and (f.day::timestamp at time zone 'UTC') >= v._cover_from
and (f.day::timestamp at time zone 'UTC') < v._cover_to
and f.day >= :span_from::timestamptz at time zone 'UTC' - interval '1 day'
and f.day < :span_to::timestamptz at time zone 'UTC' + interval '1 day';
