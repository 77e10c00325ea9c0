-- arrive
insert into landing."stg_dim_customers.arrived" (
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
    _deleted_at,
    _follows
)
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
    _deleted_at,
    _follows
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
        _deleted_at,
        false as _follows
    from landing."customers.cleaned"
    where reject_reasons = '{}' and _deleted_at is null
    union all
    select
        customer_id,
        null as customer_name,
        null as email,
        null as phone,
        null as city,
        null as country,
        null as country_code,
        null as segment,
        null as created_at,
        null as updated_at,
        c._batch_id,
        c._seq,
        c._extracted_at,
        c._deleted_at,
        true as _follows
    from (
        select distinct
            customer_id,
            _batch_id,
            _seq,
            _extracted_at,
            _deleted_at
        from landing."customers.cleaned"
        where
            _deleted_at is not null
            or reject_reasons <> '{}' and _batch_id = any (array[]::bigint[])
    ) as c
) as i;

-- arrive
insert into landing_posted."mrr_keyed.arrived" (
    event_id,
    received_at,
    id,
    said,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    _follows
)
select
    event_id,
    received_at,
    id,
    said,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    _follows
from (
    select
        landed.event_id,
        landed.received_at,
        landed.id,
        landed.said,
        36::bigint as _batch_id,
        coalesce(landed._seq, 0) as _seq,
        coalesce(landed._extracted_at, timestamptz '2025-01-01Z'::timestamptz) as _extracted_at,
        landed._deleted_at,
        landed._deleted_at is not null as _follows
    from landing_posted.keyed as landed
) as i;

-- arrive
insert into landing_dropped."mrr_whole.arrived" (
    id,
    v,
    _file,
    _line,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    _follows
)
select
    id,
    v,
    _file,
    _line,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    _follows
from (
    select
        id,
        v,
        _file,
        _line,
        34::bigint as _batch_id,
        _seq * 2 as _seq,
        _extracted_at,
        null::timestamptz as _deleted_at,
        false as _follows
    from (
        select
            l.id,
            l.v,
            i.item as _file,
            coalesce(l._line, l._seq - i.first + 1) as _line,
            l._seq,
            i.at as _extracted_at,
            l._deleted_at
        from landing_dropped.whole as l
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
    ) as rows_of_sets
    union all
    select
        id,
        null as v, null as _file, null as _line,
        34::bigint,
        (array[1, 2]::bigint[])[array_position(array[1, 2]::bigint[], d._set)] * 2 + 1,
        d.at,
        d.at,
        true
    from (
        select
            id,
            _set,
            timestamptz '2025-01-01Z'::timestamptz + make_interval(
                secs => (
                    (array[1, 2]::bigint[])[array_position(array[1, 2]::bigint[], _set)] - 1
                ) / 1e6
            ) as at
        from landing_dropped."whole.live"
        where _is_gone
    ) as d
) as i;

-- arrive_behind
insert into landing."stg_dim_customers.arrived"
(
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
    _deleted_at,
    _follows,
    _here
)
select
    m.customer_id,
    m.customer_name,
    m.email,
    m.phone,
    m.city,
    m.country,
    m.country_code,
    m.segment,
    m.created_at,
    m.updated_at,
    m._batch_id,
    m._seq,
    m._first_batch_id,
    m._extracted_at,
    m._deleted_at,
    false,
    m.ctid
from (select distinct customer_id from landing."stg_dim_customers.arrived") as a
inner join public.stg_dim_customers as m on m.customer_id = a.customer_id;

-- examine
select
    coalesce(bool_or(_is_repeated), false) as is_repeated,
    count(*) filter (where not _is_last) as updated
from landing."stg_dim_customers.ordered";

-- insert
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
from landing."stg_dim_customers.ordered"
where _is_last and _replaces is null;

-- keep
insert into public.stg_dim_customers_history
(
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
    _deleted_at,
    _replaced_by
)
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
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaced_by
from landing."stg_dim_customers.ordered"
where not _is_last;

-- order
with placed as (
    select
        *,
        count(*) filter (where not _follows) over arrival as _behind
    from landing."stg_dim_customers.arrived"
    window arrival as (partition by customer_id order by _here is null, _batch_id, _seq)
),

filled as (
    select
        customer_id,
        first_value(customer_name) over behind as customer_name,
        first_value(email) over behind as email,
        first_value(phone) over behind as phone,
        first_value(city) over behind as city,
        first_value(country) over behind as country,
        first_value(country_code) over behind as country_code,
        first_value(segment) over behind as segment,
        first_value(created_at) over behind as created_at,
        first_value(updated_at) over behind as updated_at,
        _batch_id,
        _seq,
        _first_batch_id,
        _extracted_at,
        _deleted_at,
        _here,
        _follows
        and _deleted_at is null
        and bool_or(_deleted_at is not null) over behind as _is_gone
    from placed
    where _behind > 0
    window behind as (partition by customer_id, _behind order by _here is null, _batch_id, _seq)
),

compared as (
    select
        *,
        first_value(_here) over arrival as _replaces,
        first_value(coalesce(_first_batch_id, _batch_id)) over arrival as _first_seen,
        (
            row_number() over arrival = 1
            or _batch_id = any (array[]::bigint[])
            or _deleted_at is distinct from lag(_deleted_at) over arrival
            or (
                customer_id is distinct from lag(customer_id) over arrival
                or customer_name is distinct from lag(customer_name) over arrival
                or email is distinct from lag(email) over arrival
                or phone is distinct from lag(phone) over arrival
                or city is distinct from lag(city) over arrival
                or country is distinct from lag(country) over arrival
                or country_code is distinct from lag(country_code) over arrival
                or segment is distinct from lag(segment) over arrival
                or created_at is distinct from lag(created_at) over arrival
                or updated_at is distinct from lag(updated_at) over arrival
            )
        ) as _differs,
        _here is null
        and (_batch_id, _seq, true)
        = (lag(_batch_id) over arrival, lag(_seq) over arrival, lag(_here) over arrival is null)
            as _is_repeated
    from filled
    where not _is_gone
    window arrival as (partition by customer_id order by _here is null, _batch_id, _seq)
)

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
    _first_seen as _first_batch_id,
    _extracted_at,
    _deleted_at,
    _replaces,
    _here is not null as _is_old,
    _is_repeated,
    greatest(_batch_id, lead(_batch_id) over arrival) as _replaced_by,
    lead(_batch_id) over arrival is null as _is_last
from compared
where _differs or _is_repeated
window arrival as (partition by customer_id order by _here is null, _batch_id, _seq);

-- update
update public.stg_dim_customers as m
set
    (
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
    )
    = (
        v.customer_id,
        v.customer_name,
        v.email,
        v.phone,
        v.city,
        v.country,
        v.country_code,
        v.segment,
        v.created_at,
        v.updated_at,
        v._batch_id,
        v._seq,
        v._extracted_at,
        v._deleted_at
    )
from landing."stg_dim_customers.ordered" as v
where m.ctid = v._replaces and v._is_last and not v._is_old;
