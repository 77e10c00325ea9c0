-- grains
select sales.transaction_date as sale_date
from public.dwh_fact_sales as sales;

-- had
select c._grain_0_0 as sale_date
from landing."sales.changed" as c
where c._was_here and 0 = any(c._aggregates);

-- have
select (sales.transaction_date)::date as sale_date
from (
    select f.*
    from (
        select distinct _key_0, _key_1
        from landing."sales.changed"
        where _is_sought and 0 = any(_aggregates)
    ) as c
    inner join public.dwh_fact_sales as f on f.original_sale_id = c._key_0
    and f.transaction_timestamp = c._key_1
) as sales;

-- note_grains
insert into landing."sales.changed" (
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select distinct
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    inner join landing.sales as l on f.original_sale_id = l.sale_id
    where l._deleted_at is not null
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_grains
insert into landing."sales.changed" (
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select distinct
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    inner join (
        select k.sale_id
        from (select sale_id::bigint as sale_id from unnest(array['2']::text[]) as k (sale_id)) as k
        left join landing.sales as l on k.sale_id = l.sale_id
        where l._batch_id is null
    ) as g on f.original_sale_id = g.sale_id
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_grains
insert into landing."sales.changed" (
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select distinct
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    inner join landing."sales.resolved" as r on f.original_sale_id = r.original_sale_id
    where r._may_be_here
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_grains
insert into landing."sales.changed" (
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select distinct
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select
        null::bigint as sale_key,
        r.original_sale_id::bigint as original_sale_id,
        r.customer_key::bigint as customer_key,
        r.product_key::bigint as product_key,
        r.date_key::integer as date_key,
        r.quantity::integer as quantity,
        r.unit_price::numeric(12,2) as unit_price,
        r.discount::numeric(5,4) as discount,
        r.net_amount::numeric(14,2) as net_amount,
        r.status::text as status,
        r.transaction_date::date as transaction_date,
        r.transaction_timestamp::timestamp with time zone as transaction_timestamp,
        r._batch_id::bigint as _batch_id
    from landing."sales.resolved" as r
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_grains
insert into landing."sales.changed" (
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select distinct
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select
        null::bigint as sale_key,
        r.original_sale_id::bigint as original_sale_id,
        r.customer_key::bigint as customer_key,
        r.product_key::bigint as product_key,
        r.date_key::integer as date_key,
        r.quantity::integer as quantity,
        r.unit_price::numeric(12,2) as unit_price,
        r.discount::numeric(5,4) as discount,
        r.net_amount::numeric(14,2) as net_amount,
        r.status::text as status,
        r.transaction_date::date as transaction_date,
        r.transaction_timestamp::timestamp with time zone as transaction_timestamp,
        r._batch_id::bigint as _batch_id
    from landing."sales.resolved" as r
    inner join landing."sales.changed" as c on r.original_sale_id = c._key_0
    and r.transaction_timestamp = c._key_1
    where c._was_here and not c._is_sought
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_new
insert into landing_zoned."events.changed" (_key_0, _key_1, _was_here, _is_sought, _aggregates)
select
    r.no,
    r.day,
    false,
    true,
    array[1]::int[]
from landing_zoned."events.resolved" as r;

-- note_old
insert into landing."sales.changed" (
    _key_0,
    _key_1,
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select
    sales.original_sale_id,
    sales.transaction_timestamp,
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    true,
    array[0, 1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    inner join (select
        d.customer_key as new_key,
        o._key as old_key,
        t._cover_from,
        t._cover_to
    from landing."customers.timeline" as t
    inner join public.dwh_dim_customers as d on t.customer_id = d.customer_id
    and d.valid_from = t.valid_from
    inner join landing."customers.timeline" as o on t.customer_id = o.customer_id
    and o._key <> d.customer_key
    where t._grew
    and o._role = 'version'
    or o._role = 'superseded') as v on f.customer_key = v.old_key
    and f.transaction_timestamp >= v._cover_from
    and f.transaction_timestamp < v._cover_to
    and f.transaction_timestamp >= :span_from::timestamptz
    and f.transaction_timestamp < :span_to::timestamptz
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_old
insert into landing."sales.changed" (
    _key_0,
    _key_1,
    _grain_0_0,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select
    sales.original_sale_id,
    sales.transaction_timestamp,
    (sales.transaction_date)::date,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    false,
    array[0, 1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    inner join landing."sales.resolved" as r
        on
            f.original_sale_id = r.original_sale_id
            and f.transaction_timestamp = r.transaction_timestamp
    where r._may_be_here
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
    )
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;

-- note_old
insert into landing_zoned."events.changed" (
    _key_0,
    _key_1,
    _grain_0_0,
    _was_here,
    _is_sought,
    _aggregates
)
select
    events.no,
    events.day,
    (thing_key.id)::integer,
    true,
    true,
    array[0]::int[]
from (
    select f.*
    from zoned.fact_events as f
    inner join zoned.dim_things as d on f.thing_key = d.thing_key
    where (d.id) in (
        select m.id
        from (
            select
                t._key,
                t.id
            from landing_zoned."things.timeline" as t
            left join zoned.dim_things as d on t._key = d.thing_key
            where
                t._role = 'superseded'
                or t._role = 'version'
                and (
                    t._key is null
                    or d.is_inferred
                    or (
                        d.v is distinct from t.v
                        or d.valid_from is distinct from t.valid_from
                        or d.valid_to is distinct from t.valid_to
                        or d.is_current is distinct from t.is_current
                        or d.is_deleted is distinct from t.is_deleted
                        or d.changed_at is distinct from t.changed_at
                        or d._batch_id is distinct from t._batch_id
                        or d._seq is distinct from t._seq
                        or d._deleted_batch_id is distinct from t._deleted_batch_id
                        or d._deleted_seq is distinct from t._deleted_seq
                    )
                )
        ) as m
    )
) as events
left join zoned.dim_things as thing_key on events.thing_key = thing_key.thing_key;

-- note_old
insert into landing."sales.changed" (
    _key_0,
    _key_1,
    _grain_1_0,
    _grain_1_1,
    _was_here,
    _is_sought,
    _aggregates
)
select
    sales.original_sale_id,
    sales.transaction_timestamp,
    (date_trunc('month', sales.transaction_date::timestamp)::date)::date,
    (product_key.product_group)::text,
    true,
    true,
    array[1]::int[]
from (
    select f.*
    from public.dwh_fact_sales as f
    where f.product_key in (
        select m._key
        from (
            select
                t._key,
                t.product_id
            from landing."products.timeline" as t
            left join public.dwh_dim_products as d on t._key = d.product_key
            where
                t._role = 'superseded'
                or t._role = 'version'
                and (
                    t._key is null
                    or d.is_inferred
                    or (d.product_group is distinct from t.product_group)
                )
        ) as m
    )
) as sales
left join public.dwh_dim_products as product_key on sales.product_key = product_key.product_key;
