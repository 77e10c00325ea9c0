-- count
select
    c.missing,
    case
        when c.missing > 0
            then (
                select count(*)
                from public.mrr_dim_customers
                where _deleted_at is null
            )
        else 0
    end as known
from (select count(*) as missing from landing."customers.missing") as c;

-- count_missing
select
    (
        select count(*)
        from public.mrr_dim_customers as m
        where
            m._deleted_at is null
            and not exists (
                select
                from pg_temp."customers.keys" as k
                where m.customer_id = k.customer_id
            )
    ),
    (
        select count(*)
        from public.mrr_dim_customers
        where _deleted_at is null
    );

-- count_overlooked
select count(*) from (select array[k.customer_id::text] as key
from pg_temp."customers.keys" as k
where
    k.updated_at < timestamptz '2025-01-01Z'
    and (k.customer_id) is not null
    and not exists (
        select
        from public.mrr_dim_customers as m
        where m.customer_id = k.customer_id
        and m._deleted_at is null
        and m.updated_at = k.updated_at
    )) as o;

-- find_missing
select
    m.customer_id,
    m.name,
    m.email,
    m.phone,
    m.city,
    m.country,
    m.segment,
    m.created_at,
    m.updated_at
from public.mrr_dim_customers as m
where
    m._deleted_at is null
    and not exists (
        select
        from landing."customers.keys" as k
        where m.customer_id = k.customer_id
    );

-- first_overlooked
select o.key
from (select array[k.customer_id::text] as key
from landing."customers.keys" as k
where
    k.updated_at < timestamptz '2025-01-01Z'
    and (k.customer_id) is not null
    and not exists (
        select
        from public.mrr_dim_customers as m
        where m.customer_id = k.customer_id
        and m._deleted_at is null
        and m.updated_at = k.updated_at
    )) as o
limit 5001;

-- has_new_key
select exists (
    select
    from landing.customers as l
    where not exists (
        select
        from public.mrr_dim_customers as m
        where m.customer_id = l.customer_id and m._deleted_at is null
    )
);

-- has_new_key
select exists (
    select
    from (
        select *
        from pg_temp."customers.keys"
        where updated_at >= timestamptz '2025-01-01Z' and updated_at < timestamptz '2025-01-01Z'
    ) as l
    where not exists (
        select
        from public.mrr_dim_customers as m
        where m.customer_id = l.customer_id and m._deleted_at is null
    )
);

-- is_small
select count(*) < 200000
from (
    select
    from public.mrr_dim_customers
    limit 200000
) as some_rows;

-- overlooked
select array[k.customer_id::text] as key
from landing."customers.keys" as k
where
    k.updated_at < timestamptz '2025-01-01Z'
    and (k.customer_id) is not null
    and not exists (
        select
        from public.mrr_dim_customers as m
        where m.customer_id = k.customer_id
        and m._deleted_at is null
        and m.updated_at = k.updated_at
    );
