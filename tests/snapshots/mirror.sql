-- fill
insert into public.mrr_dim_customers (
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
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
select
    i.customer_id,
    i.name,
    i.email,
    i.phone,
    i.city,
    i.country,
    i.segment,
    i.created_at,
    i.updated_at,
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from (
    select
        landed.customer_id,
        landed.name,
        landed.email,
        landed.phone,
        landed.city,
        landed.country,
        landed.segment,
        landed.created_at,
        landed.updated_at,
        1::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(landed._extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from landing.customers as landed
) as i;

-- fill
insert into public.stg_dim_customers (
    customer_id,
    customer_name,
    email,
    phone,
    city,
    country,
    country_code,
    segment,
    created_at,
    updated_at,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
select
    i.customer_id,
    i.customer_name,
    i.email,
    i.phone,
    i.city,
    i.country,
    i.country_code,
    i.segment,
    i.created_at,
    i.updated_at,
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from (
    select
        customer_id,
        customer_name,
        email,
        phone,
        city,
        country,
        country_code,
        segment,
        created_at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    from landing."customers.cleaned"
    where reject_reasons = '{}' and _deleted_at is null
    union all
    select
        kept.customer_id,
        kept.customer_name,
        kept.email,
        kept.phone,
        kept.city,
        kept.country,
        kept.country_code,
        kept.segment,
        kept.created_at,
        kept.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    inner join public.stg_dim_customers as kept on kept.customer_id = c.customer_id
    where c._deleted_at is not null and c._mrr_key is null
    union all
    select
        kept.customer_id,
        kept.customer_name,
        kept.email,
        kept.phone,
        kept.city,
        kept.country,
        kept.country_code,
        kept.segment,
        kept.created_at,
        kept.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    inner join public.stg_dim_customers as kept on kept.customer_id = c.customer_id
    where
        false
        and c._mrr_key is null
        and c.reject_reasons <> '{}'
        and c._deleted_at is null
        and kept._deleted_at is null
    union all
    select
        kept.customer_id,
        kept.customer_name,
        kept.email,
        kept.phone,
        kept.city,
        kept.country,
        kept.country_code,
        kept.segment,
        kept.created_at,
        kept.updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at
    from landing."customers.cleaned" as c
    cross join lateral jsonb_populate_record(null::public.stg_dim_customers, c._held) as h
    inner join public.stg_dim_customers as kept on kept.customer_id = h.customer_id
    where
        false
        and not c._frees
        and c.reject_reasons <> '{}'
        and c._deleted_at is null
        and kept._deleted_at is null
) as i;

-- fill
insert into passed.stg_passed (
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
select
    i.tag,
    i.part,
    i.v,
    i.sizes,
    i.at,
    i.updated_at,
    i._batch_id,
    i._seq,
    i._batch_id,
    i._extracted_at,
    i._deleted_at
from (
    select
        tag,
        part,
        v,
        sizes,
        at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    from (
select
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    case
        when _deleted_at is null and (
            v = 'gone'
        ) then least((at at time zone 'Europe/Berlin'), _extracted_at)
        else _deleted_at
    end as _deleted_at
from landing_passed.clean_passed
    ) as l
    where _deleted_at is null
    union all
    select
        kept.tag,
        kept.part,
        kept.v,
        kept.sizes,
        kept.at,
        kept.updated_at,
        l._batch_id,
        l._seq,
        l._extracted_at,
        l._deleted_at
    from (
select
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    case
        when _deleted_at is null and (
            v = 'gone'
        ) then least((at at time zone 'Europe/Berlin'), _extracted_at)
        else _deleted_at
    end as _deleted_at
from landing_passed.clean_passed
    ) as l
    inner join passed.stg_passed as kept on kept.tag = l.tag and kept.part = l.part
    where l._deleted_at is not null
) as i;

-- find
select
    m.customer_id,
    m.ctid as _row,
    greatest(m._batch_id, i._batch_id) as _replaced_by,
    (
        false
        or (
            m.customer_id is distinct from i.customer_id
            or m.name is distinct from i.name
            or m.email is distinct from i.email
            or m.phone is distinct from i.phone
            or m.city is distinct from i.city
            or m.country is distinct from i.country
            or m.segment is distinct from i.segment
            or m.created_at is distinct from i.created_at
            or m.updated_at is distinct from i.updated_at
        )
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
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
        2::bigint as _batch_id,
        0::bigint as _seq,
        timestamptz '2025-01-01Z'::timestamptz as _extracted_at,
        timestamptz '2025-01-01Z'::timestamptz as _deleted_at
    from landing."customers.missing"
) as i
inner join public.mrr_dim_customers as m on m.customer_id = i.customer_id;

-- find
select
    m.id,
    m.ctid as _row,
    greatest(m._batch_id, i._batch_id) as _replaced_by,
    (
        false
        or (m.id is distinct from i.id or m.v is distinct from i.v)
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
from (
    select
        landed.id,
        landed.v,
        landed._file,
        landed._line,
        35::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(landed._extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from (
        select distinct on (id)
            id,
            v,
            _file,
            _line,
            _seq,
            _extracted_at,
            _deleted_at
        from (
            select
                l.id,
                l.v,
                i.item as _file,
                coalesce(l._line, l._seq - i.first + 1) as _line,
                l._seq,
                i.at as _extracted_at,
                l._deleted_at
            from landing_dropped.dropped as l
            inner join (
                select
                    first,
                    item,
                    number::int as number,
                    timestamptz '2025-01-01Z'::timestamptz + make_interval(
                        secs => (number - 1) / 1e6
                    ) as at
                from unnest(
                    array[1, 3]::bigint[], array['dropped/1.csv', 'dropped/2.csv']::text[]
                ) with ordinality as u (first, item, number)
                offset 0
            ) as i on i.number = width_bucket(l._seq, array[1, 3]::bigint[])
        ) as placed
        where _seq >= 1
        order by id, _seq desc
    ) as landed
) as i
inner join public.mrr_dropped as m on m.id = i.id;

-- find
select
    m.id,
    m.ctid as _row,
    greatest(m._batch_id, i._batch_id) as _replaced_by,
    (
        false
        or (m.id is distinct from i.id or m.v is distinct from i.v)
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
from (
    select
        landed.id,
        landed.v,
        landed._file,
        landed._line,
        34::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(landed._extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from (
        select
            l.id,
            l.v,
            'whole/1.csv'::text as _file,
            coalesce(l._line, l._seq - 1 + 1) as _line,
            l._seq,
            timestamptz '2025-01-01Z'::timestamptz as _extracted_at,
            l._deleted_at
        from landing_dropped.single as l
    ) as landed
) as i
inner join public.mrr_single as m on m.id = i.id;

-- find
select
    m._file,
    m._line,
    m.ctid as _row,
    greatest(m._batch_id, i._batch_id) as _replaced_by,
    (
        false
        or (
            m.id is distinct from i.id
            or m.v is distinct from i.v
            or m._file is distinct from i._file
            or m._line is distinct from i._line
        )
        or m._deleted_at is distinct from i._deleted_at
    ) as _differs
from (
    select
        landed.id,
        landed.v,
        landed._file,
        landed._line,
        34::bigint as _batch_id,
        0::bigint as _seq,
        landed._extracted_at,
        null::timestamptz as _deleted_at
    from (
        select
            l.id,
            l.v,
            i.item as _file,
            coalesce(l._line, l._seq - i.first + 1) as _line,
            l._seq,
            i.at as _extracted_at,
            l._deleted_at
        from landing_dropped.records as l
        inner join (
            select
                first,
                item,
                number::int as number,
                timestamptz '2025-01-01Z'::timestamptz + make_interval(
                    secs => (number - 1) / 1e6
                ) as at
            from unnest(
                array[1, 2]::bigint[], array['whole/1.csv', 'whole/2.csv']::text[]
            ) with ordinality as u (first, item, number)
            offset 0
        ) as i on i.number = width_bucket(l._seq, array[1, 2]::bigint[])
    ) as landed
    union all
    select
        g.id,
        g.v,
        g._file,
        g._line,
        34::bigint,
        0::bigint,
        timestamptz '2025-01-01Z'::timestamptz,
        timestamptz '2025-01-01Z'::timestamptz
    from public.mrr_records as g
    where
        g._file = any(array['whole/1.csv', 'whole/2.csv']::text[])
        and g._deleted_at is null
        and not exists (
            select
            from (
                select
                    l.id,
                    l.v,
                    i.item as _file,
                    coalesce(l._line, l._seq - i.first + 1) as _line,
                    l._seq,
                    i.at as _extracted_at,
                    l._deleted_at
                from landing_dropped.records as l
                inner join (
                    select
                        first,
                        item,
                        number::int as number,
                        timestamptz '2025-01-01Z'::timestamptz + make_interval(
                            secs => (number - 1) / 1e6
                        ) as at
                    from unnest(
                        array[1, 2]::bigint[], array['whole/1.csv', 'whole/2.csv']::text[]
                    ) with ordinality as u (first, item, number)
                    offset 0
                ) as i on i.number = width_bucket(l._seq, array[1, 2]::bigint[])
            ) as shown
            where shown._file = g._file and shown._line = g._line
        )
) as i
inner join public.mrr_records as m on m._file = i._file and m._line = i._line;

-- has_rows
select
    'customers' as entity,
    exists (select from public.mrr_dim_customers) as has_rows;

-- insert_examined
with inserted as (
    insert into public.mrr_dim_customers (
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
        _seq,
        _first_batch_id,
        _extracted_at,
        _deleted_at
    )
    select
        i.customer_id,
        i.name,
        i.email,
        i.phone,
        i.city,
        i.country,
        i.segment,
        i.created_at,
        i.updated_at,
        i._batch_id,
        i._seq,
        i._batch_id,
        i._extracted_at,
        i._deleted_at
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
            2::bigint as _batch_id,
            0::bigint as _seq,
            timestamptz '2025-01-01Z'::timestamptz as _extracted_at,
            timestamptz '2025-01-01Z'::timestamptz as _deleted_at
        from landing."customers.missing"
    ) as i
    where not exists (
        select
        from landing."mrr_dim_customers.found" as f
        where f.customer_id = i.customer_id
    )
    returning 1
)

select
    exists (
        select
        from landing."mrr_dim_customers.found" as f
        inner join landing."mrr_dim_customers.found" as o on f._row = o._row
        where f._differs and not o._differs
    ) as is_repeated,
    (
        select count(*)
        from landing."mrr_dim_customers.found"
        where _differs
    ) as updated,
    (select count(*) from inserted) as inserted;

-- is_empty
select not exists (select from public.mrr_dim_customers);

-- keep_history
insert into public.mrr_dim_customers_history
(
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
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
)
select
    m.customer_id,
    m.name,
    m.email,
    m.phone,
    m.city,
    m.country,
    m.segment,
    m.created_at,
    m.updated_at,
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at,
    f._replaced_by
from landing."mrr_dim_customers.found" as f
inner join public.mrr_dim_customers as m on f._row = m.ctid
where f._differs;

-- update
update public.mrr_dim_customers as m
set
    (
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
        _seq,
        _extracted_at,
        _deleted_at
    )
    = (
        i.customer_id,
        i.name,
        i.email,
        i.phone,
        i.city,
        i.country,
        i.segment,
        i.created_at,
        i.updated_at,
        i._batch_id,
        i._seq,
        i._extracted_at,
        i._deleted_at
    )
from landing."mrr_dim_customers.found" as f
inner join (
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
        2::bigint as _batch_id,
        0::bigint as _seq,
        timestamptz '2025-01-01Z'::timestamptz as _extracted_at,
        timestamptz '2025-01-01Z'::timestamptz as _deleted_at
    from landing."customers.missing"
) as i on f.customer_id = i.customer_id
where m.ctid = f._row and f._differs;

-- update
update public.mrr_dim_customers as m
set
    (
        customer_id,
        name,
        email,
        phone,
        city,
        country,
        segment,
        created_at,
        updated_at,
        vip,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    )
    = (
        i.customer_id,
        i.name,
        i.email,
        i.phone,
        i.city,
        i.country,
        i.segment,
        i.created_at,
        i.updated_at,
        i.vip,
        i._batch_id,
        i._seq,
        i._extracted_at,
        i._deleted_at
    )
from landing."mrr_dim_customers.found" as f
inner join (
    select
        l.customer_id,
        l.name,
        l.email,
        l.phone,
        l.city,
        l.country,
        l.segment,
        l.created_at,
        l.updated_at,
        l.vip,
        6::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(h._extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from landing.customers as l
    inner join (
        select customer_id::bigint as customer_id
        from unnest(array['1', '2', '5', '6', '98']::text[]) as k (customer_id)
    ) as n on l.customer_id = n.customer_id
    left join public.mrr_dim_customers as h
        on h.customer_id = l.customer_id
        and h._deleted_at is null
        and not (
            h.customer_id is distinct from l.customer_id
            or h.name is distinct from l.name
            or h.email is distinct from l.email
            or h.phone is distinct from l.phone
            or h.city is distinct from l.city
            or h.country is distinct from l.country
            or h.segment is distinct from l.segment
            or h.created_at is distinct from l.created_at
            or h.updated_at is distinct from l.updated_at
            or h.vip is distinct from l.vip
        )
    union all
    select
        m.customer_id,
        m.name,
        m.email,
        m.phone,
        m.city,
        m.country,
        m.segment,
        m.created_at,
        m.updated_at,
        m.vip,
        6::bigint,
        0,
        case
            when m._deleted_at is null and timestamptz '2025-01-01Z'::timestamptz is not null
                then timestamptz '2025-01-01Z'::timestamptz
            else m._extracted_at
        end,
        coalesce(m._deleted_at, timestamptz '2025-01-01Z'::timestamptz)
    from public.mrr_dim_customers as m
    inner join (
        select customer_id::bigint as customer_id
        from unnest(array['1', '2', '5', '6', '98']::text[]) as k (customer_id)
    ) as k on m.customer_id = k.customer_id
    where not exists (select from landing.customers as l where m.customer_id = l.customer_id)
) as i on f.customer_id = i.customer_id
where m.ctid = f._row and f._differs;

-- update
update public.stg_fact_sales as m
set
    (
        sale_id,
        customer_id,
        product_id,
        quantity,
        unit_price,
        discount,
        net_amount,
        status,
        transaction_timestamp,
        transaction_date,
        transaction_year,
        transaction_month,
        transaction_day,
        transaction_hour,
        created_at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    )
    = (
        i.sale_id,
        i.customer_id,
        i.product_id,
        i.quantity,
        i.unit_price,
        i.discount,
        i.net_amount,
        i.status,
        i.transaction_timestamp,
        i.transaction_date,
        i.transaction_year,
        i.transaction_month,
        i.transaction_day,
        i.transaction_hour,
        i.created_at,
        i.updated_at,
        i._batch_id,
        i._seq,
        i._extracted_at,
        i._deleted_at
    )
from landing."stg_fact_sales.found" as f
inner join (
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
        6::bigint as _batch_id,
        0::bigint as _seq,
        timestamptz '2025-01-01Z'::timestamptz as _extracted_at,
        timestamptz '2025-01-01Z'::timestamptz as _deleted_at
    from public.stg_fact_sales as m
    inner join (
        select sale_id::bigint as sale_id from unnest(array['99']::text[]) as k (sale_id)
    ) as k on m.sale_id = k.sale_id
    where m._deleted_at is null and m._batch_id < 6
) as i on f.sale_id = i.sale_id
where m.ctid = f._row and f._differs;
