-- has_versions
select
    'customers' as entity,
    (
        exists (
            select
            from public.mrr_dim_customers
            where _first_batch_id > 0
        )
        or exists (
            select
            from public.mrr_dim_customers_history
            where _replaced_by > 0
        )
        or exists (select from tidemark.rows_without_history('"public"."mrr_dim_customers"', 0))
    ) as has_versions;

-- observations
select
    m.id,
    m.at,
    m.n,
    m.sizes,
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at
from (
    select distinct w.id
    from (
        select m.*
        from sold.stg_states as m
        where m._first_batch_id > 0
        union all
        select m.*
        from (
            select h.id, h.at, h.n
            from sold.stg_states_history as h
            where h._replaced_by > 0
            union
            select r.id, r.at, r.n
            from tidemark.rows_without_history('"sold"."stg_states"', 0) as w (place)
            inner join sold.stg_states as r on w.place = r.ctid
        ) as k
        inner join sold.stg_states as m on m.id = k.id and m.at = k.at and m.n = k.n
        where m._first_batch_id <= 0
    ) as w
) as t
inner join sold.stg_states as m on m.id = t.id
where m._deleted_at is null or m._batch_id > 0;

-- some_columns
select m.no, m.id, m.at, m._batch_id, m._seq, m._first_batch_id, m._extracted_at, m._deleted_at
from (
    select m.*
    from checked.stg_events as m
    where m._first_batch_id > 0
    union all
    select m.*
    from (
        select h.no
        from checked.stg_events_history as h
        where h._replaced_by > 0
        union
        select r.no
        from tidemark.rows_without_history('"checked"."stg_events"', 0) as w (place)
        inner join checked.stg_events as r on w.place = r.ctid
    ) as k
    inner join checked.stg_events as m on m.no = k.no
    where m._first_batch_id <= 0
) as m;

-- some_columns
select
    m.sale_id,
    m.customer_id,
    m.product_id,
    m.quantity,
    m.unit_price,
    m.discount,
    m.net_amount,
    m.status,
    m.transaction_timestamp,
    m.transaction_date,
    m.transaction_year,
    m.transaction_month,
    m.transaction_day,
    m.transaction_hour,
    m.created_at,
    m.updated_at,
    m._seen_at,
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at
from (
    select
        s.sale_id,
        s.customer_id,
        s.product_id,
        s.quantity,
        s.unit_price,
        s.discount,
        s.net_amount,
        s.status,
        s.transaction_timestamp,
        s.transaction_date,
        s.transaction_year,
        s.transaction_month,
        s.transaction_day,
        s.transaction_hour,
        s.created_at,
        s.updated_at,
        s._batch_id,
        s._seq,
        s._first_batch_id,
        s._extracted_at,
        s._deleted_at,
        coalesce(c.clock, s._extracted_at) as _seen_at
    from (
        select m.*
        from public.stg_fact_sales as m
        where m._first_batch_id > 0
        union all
        select m.*
        from (
            select h.sale_id
            from public.stg_fact_sales_history as h
            where h._replaced_by > 0
            union
            select r.sale_id
            from tidemark.rows_without_history('"public"."stg_fact_sales"', 0) as w (place)
            inner join public.stg_fact_sales as r on w.place = r.ctid
        ) as k
        inner join public.stg_fact_sales as m on m.sale_id = k.sale_id
        where m._first_batch_id <= 0
    ) as s
    left join tidemark.batch_clock as c
        on c.area = 'retail' and s._first_batch_id = c.batch_id
) as m;

-- versions
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
where h._replaced_by > 1 and h._batch_id > 1;

-- with_refreshed
select
    w.customer_id,
    w.name,
    w.email,
    w.phone,
    w.city,
    w.country,
    w.segment,
    w.created_at,
    w.updated_at,
    w._batch_id,
    w._first_batch_id,
    w._extracted_at,
    w._deleted_at,
    w._seq
from (
    select m.*
    from public.mrr_dim_customers as m
    where m._first_batch_id > 4
    union all
    select m.*
    from (
        select h.customer_id
        from public.mrr_dim_customers_history as h
        where h._replaced_by > 4
        union
        select r.customer_id
        from tidemark.rows_without_history('"public"."mrr_dim_customers"', 4) as w (place)
        inner join public.mrr_dim_customers as r on w.place = r.ctid
    ) as k
    inner join public.mrr_dim_customers as m on m.customer_id = k.customer_id
    where m._first_batch_id <= 4
) as w
union all
select
    h.customer_id,
    h.name,
    h.email,
    h.phone,
    h.city,
    h.country,
    h.segment,
    h.created_at,
    h.updated_at,
    h._batch_id,
    h._first_batch_id,
    h._extracted_at,
    h._deleted_at,
    h._seq
from public.mrr_dim_customers_history as h
where h._replaced_by > 4 and h._batch_id > 4
union all
select
    customer_id,
    name,
    email,
    phone,
    city,
    country,
    segment,
    created_at,
    updated_at,
    _batch_id,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _seq
from (
    select
        r.customer_id,
        r.name,
        r.email,
        r.phone,
        r.city,
        r.country,
        r.segment,
        r.created_at,
        r.updated_at,
        r._first_batch_id,
        r._extracted_at,
        r._deleted_at,
        5::bigint as _batch_id,
        0::bigint as _seq
    from (
        select
            customer_id,
            name,
            email,
            phone,
            city,
            country,
            segment,
            created_at,
            updated_at,
            _batch_id,
            _first_batch_id,
            _extracted_at,
            _deleted_at,
            _seq
        from public.mrr_dim_customers
        where _batch_id <= 5 and _deleted_at is null
        union all
        select
            customer_id,
            name,
            email,
            phone,
            city,
            country,
            segment,
            created_at,
            updated_at,
            _batch_id,
            _first_batch_id,
            _extracted_at,
            _deleted_at,
            _seq
        from public.mrr_dim_customers_history
        where _batch_id <= 5 and _replaced_by > 5 and _deleted_at is null
    ) as r
    where r._batch_id < 5
) as v;
