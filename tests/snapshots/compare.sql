-- checksums
select
    left(md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(
                            r.customer_id,
                            r.segment,
                            r.city,
                            r.country,
                            r.customer_name,
                            r.email,
                            r.phone
                        )::text,
                        'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        t.customer_id::text as customer_id,
        t.segment::text as segment,
        t.city::text as city,
        t.country::text as country,
        t.customer_name::text as customer_name,
        t.email::text as email,
        t.phone::text as phone,
        false as _pending
    from public.dwh_dim_customers as t
    where t.is_current and not t.is_inferred and t.customer_key <> 0
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(
                            r.customer_id,
                            r.name,
                            r.email,
                            r.phone,
                            r.city,
                            r.country,
                            r.segment,
                            r.created_at,
                            r.updated_at
                        )::text,
                        'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        customer_id::text as customer_id,
        name::text as name,
        email::text as email,
        phone::text as phone,
        city::text as city,
        country::text as country,
        segment::text as segment,
        created_at::text as created_at,
        updated_at::text as updated_at,
        updated_at >= timestamptz '2025-01-01Z' as _pending
    from public.customers
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(('x' || left(md5(convert_to(row(r.id, r.v)::text, 'UTF8')), 16))::bit(64)::bigint)
    filter (where not r._pending)
from (
    with landed as (
        select
            l.id,
            l.v,
            l._seq,
            i.item as _file,
            coalesce(l._line, l._seq - i.first + 1) as _line
        from pg_temp.single as l
        inner join
                unnest(
                    array[1]::bigint[], array['whole/1.csv']::text[]
                ) with ordinality as i (first, item, number)
            on i.number = width_bucket(l._seq, array[1]::bigint[])
    ),

    found as (
        select distinct on (l.id)
            l.id,
            l.v
        from landed as l
        left join public.mrr_single as m
            on m.id = l.id and m._file = l._file and m._line = l._line and m._deleted_at is null
        where m._file is not null or l._file = any (array['whole/1.csv']::text[])
        order by l.id, m._file is null, l._seq desc
    )

    select
        id::text as id, v::text as v,
        false as _pending
    from (
        select f.id, f.v
        from found as f
        where not exists (
            select
            from public.mrr_single as m
            where m.id = f.id
            and m._deleted_at is null
            and m._file <> all (array['whole/1.csv']::text[])
        )
        union all
        select m.id, m.v
        from public.mrr_single as m
        where m._deleted_at is null and m._file <> all (array['whole/1.csv']::text[])
    ) as q
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(convert_to(row(r.id, r.event_id, r.received_at, r.said)::text, 'UTF8')), 16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        c.event_id::text::text as event_id,
        c.received_at::timestamp with time zone::text as received_at,
        c.id::integer::text as id,
        c.said::jsonb::text as said,
        false as _pending
    from (
        select distinct on (r.id::integer) r.*
        from (select
            i.event_id,
            i.received_at,
            i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
            row_number() over (order by i.batch_id, i.id) as _seq,
            array_remove(
                array[case when coalesce(
                    i.payload -> 'id', 'null'
                ) = 'null' then 'id' || ': missing' end]::text[],
                null
            ) as _reasons
        from tidemark.inbox as i
        where
            i.area = 'posted'
            and i.kind = 'keyed'
            and (i.batch_id is not null or i.id <@ '{}'::int8multirange)) as r
        where
            cardinality(r._reasons) = 0
            and not exists (
                select
                from tidemark.refused as f
                where
                    f.area = 'posted'
                    and f.entity = 'keyed'
                    and f.item = ''
                    and f.ended_by is null
                    and f.event_id = r.event_id
            )
        order by r.id::integer, r._seq desc
    ) as c
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.original_sale_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(
                            r.original_sale_id,
                            r.quantity,
                            r.unit_price,
                            r.discount,
                            r.net_amount,
                            r.status,
                            r.transaction_date,
                            r.transaction_timestamp,
                            r.date_key,
                            r._member_0,
                            r._member_1
                        )::text,
                        'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        t.sale_id::text as original_sale_id,
        t.quantity::text as quantity,
        t.unit_price::text as unit_price,
        t.discount::text as discount,
        t.net_amount::text as net_amount,
        t.status::text as status,
        t.transaction_date::text as transaction_date,
        t.transaction_timestamp::text as transaction_timestamp,
        coalesce(to_char(t.transaction_date, 'YYYYMMDD')::integer, 0)::text as date_key,
        case when num_nulls(t.customer_id) = 0 then t.customer_id::bigint::text end as _member_0,
        case when num_nulls(t.product_id) = 0 then t.product_id::bigint::text end as _member_1,
        t._batch_id > 2 as _pending
    from public.stg_fact_sales as t
    where t._deleted_at is null or t._batch_id > 2
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.id, r.changed_at)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(r.id, r.changed_at, r.sizes, r.valid_to, r.is_deleted)::text, 'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    with known as (
        select
            t.id,
            t.sizes,
            t.at as _at,
            true as _live,
            row_number() over (partition by t.id, t.at order by t.at desc, t.n desc) as _rank,
            bool_or(t._batch_id > 22) over (partition by t.id) as _pending
        from sold.stg_states as t
        where t._deleted_at is null or t._batch_id > 22
    ),

    compared as (
        select
            id,
            sizes,
            _at,
            _live,
            (
                _live is distinct from lag(_live) over timeline
                or _live and (sizes is distinct from lag(sizes) over timeline)
            ) as _starts
        from known
        where _rank = 1 and not _pending
        window
            timeline as (partition by id order by _at),
            whole as (
                partition by id order by _live, _at
                rows between unbounded preceding and unbounded following
            )
    ),

    bounded as (
        select
            *,
            lead(_at) over (partition by id order by _at) as _next_at,
            lead(_live) over (partition by id order by _at) as _next_live
        from compared
        where _starts
    )

    select
        id::text as id, sizes::text as sizes,
        _at::text as changed_at,
        coalesce(_next_at, timestamptz '2025-01-01Z')::text as valid_to,
        (_next_live is false)::text as is_deleted,
        false as _pending
    from bounded
    where _live
    union all
    select
        id::text as id, sizes::text as sizes,
        _at::text,
        null,
        null,
        true
    from known
    where _pending
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(
                            r.customer_id,
                            r.segment,
                            r.city,
                            r.country,
                            r.customer_name,
                            r.email,
                            r.phone
                        )::text,
                        'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        t.customer_id::text as customer_id,
        t.segment::text as segment,
        t.city::text as city,
        t.country::text as country,
        t.customer_name::text as customer_name,
        t.email::text as email,
        t.phone::text as phone,
        t.updated_at::text as _effective,
        t._batch_id > 2 as _pending
    from public.stg_dim_customers as t
    where t._deleted_at is null or t._batch_id > 2
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.original_sale_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(
                            r.original_sale_id,
                            r.quantity,
                            r.unit_price,
                            r.discount,
                            r.net_amount,
                            r.status,
                            r.transaction_date,
                            r.transaction_timestamp,
                            r.date_key,
                            r._member_0,
                            r._member_1
                        )::text,
                        'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        t.original_sale_id::text as original_sale_id,
        t.quantity::text as quantity,
        t.unit_price::text as unit_price,
        t.discount::text as discount,
        t.net_amount::text as net_amount,
        t.status::text as status,
        t.transaction_date::text as transaction_date,
        t.transaction_timestamp::text as transaction_timestamp,
        t.date_key::text as date_key,
        d0.customer_id::text as _member_0, d1.product_id::text as _member_1,
        false as _pending
    from public.dwh_fact_sales as t
    left join public.dwh_dim_customers as d0 on t.customer_key = d0.customer_key
    left join public.dwh_dim_products as d1 on t.product_key = d1.product_key
    where not false
) as r
group by 1;

-- checksums
select
    left(md5(convert_to(row(r.id, r.changed_at)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(
        (
            'x' || left(
                md5(
                    convert_to(
                        row(r.id, r.changed_at, r.sizes, r.valid_to, r.is_deleted)::text, 'UTF8'
                    )
                ),
                16
            )
        )::bit(64)::bigint
    )
    filter (where not r._pending)
from (
    select
        t.id::text as id, t.sizes::text as sizes,
        t.changed_at::text as changed_at,
        t.valid_to::text as valid_to,
        t.is_deleted::text as is_deleted,
        false as _pending
    from sold.dim_states as t
    where not t.is_inferred and t.state_key <> 0
) as r
group by 1;

-- count
with sent as (
    select
        s.customer_id,
        s.customer_name,
        s.email,
        s.phone,
        s.city,
        s.country,
        s.country_code,
        s.segment,
        s.created_at,
        s.updated_at,
        true as _is_here
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
            updated_at
        from landing."customers.before"
        where _deleted_at is null
    ) as s
),

kept as (
    select
        r.customer_id,
        r.customer_name,
        r.email,
        r.phone,
        r.city,
        r.country,
        r.country_code,
        r.segment,
        r.created_at,
        r.updated_at,
        true as _is_here
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
            updated_at
        from public.stg_dim_customers
        where _deleted_at is null
    ) as r
)

select
    count(*) filter (where r._is_here is null) as missing,
    count(*) filter (where s._is_here is null) as surplus,
    count(*) filter (where s._is_here and r._is_here) as changed
from sent as s
full join kept as r on s.customer_id = r.customer_id
where
    s._is_here is null
    or r._is_here is null
    or (
        s.customer_id is distinct from r.customer_id
        or s.customer_name is distinct from r.customer_name
        or s.email is distinct from r.email
        or s.phone is distinct from r.phone
        or s.city is distinct from r.city
        or s.country is distinct from r.country
        or s.country_code is distinct from r.country_code
        or s.segment is distinct from r.segment
        or s.created_at is distinct from r.created_at
        or s.updated_at is distinct from r.updated_at
    );

-- differences
with sent as (
    select
        s.customer_id,
        s.segment,
        s.city,
        s.country,
        s.customer_name,
        s.email,
        s.phone,
        s._effective,
        s._pending,
        true as _is_here
    from landing."customers.compared" as s
),

kept as (
    select
        r.customer_id,
        r.segment,
        r.city,
        r.country,
        r.customer_name,
        r.email,
        r.phone,
        true as _is_here
    from (
        select
            r.customer_id,
            r.segment,
            r.city,
            r.country,
            r.customer_name,
            r.email,
            r.phone,
            r._pending
        from (
            select
                t.customer_id::text as customer_id,
                t.segment::text as segment,
                t.city::text as city,
                t.country::text as country,
                t.customer_name::text as customer_name,
                t.email::text as email,
                t.phone::text as phone,
                false as _pending
            from public.dwh_dim_customers as t
            where t.is_current and not t.is_inferred and t.customer_key <> 0
        ) as r
        where left(
            md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3
        ) = any (array['1db', '7ac']::text[])
    ) as r
),

found as materialized (
    select
        array[coalesce(s.customer_id, r.customer_id)::text] as key,
        case
            when r._is_here is null then 'missing'
            when s._is_here is null then 'surplus'
            else 'changed'
        end as kind,
        case
            when r._is_here and s._is_here
                then array_remove(
                    array[
                        (
                            case when s.segment::text is distinct from r.segment::text then 'segment' end
                        ),
                        (case when s.city::text is distinct from r.city::text then 'city' end),
                        (
                            case when s.country::text is distinct from r.country::text then 'country' end
                        ),
                        (
                            case when s.customer_name::text is distinct from r.customer_name::text then 'customer_name' end
                        ),
                        (case when s.email::text is distinct from r.email::text then 'email' end),
                        (case when s.phone::text is distinct from r.phone::text then 'phone' end),
                        null::text
                    ],
                    null
                )
            else '{}'
        end as columns,
        (s._is_here and r._is_here and exists (
            select 1
            from public.dwh_dim_customers as v
            where
                v.customer_id = s.customer_id::bigint
                and v.valid_from <= s._effective::timestamptz
                and v.valid_to > s._effective::timestamptz
                and not (
                    v.segment::text is distinct from s.segment
                    or v.city::text is distinct from s.city
                    or v.country::text is distinct from s.country
                )
        )) is true as is_excused,
        row_number() over (
            order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
        ) as position
    from sent as s
    full join kept as r on s.customer_id = r.customer_id
    where
        (
            s._is_here is null
            or r._is_here is null
            or (
                s.customer_id::bigint is distinct from r.customer_id::bigint
                or s.segment::text is distinct from r.segment::text
                or s.city::text is distinct from r.city::text
                or s.country::text is distinct from r.country::text
                or s.customer_name::text is distinct from r.customer_name::text
                or s.email::text is distinct from r.email::text
                or s.phone::text is distinct from r.phone::text
            )
        )
        and s._pending is not true
)

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{}'::text[] as columns,
    0 as position
from found
where is_excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not is_excused
order by position;

-- differences
with sent as (
    select
        s.customer_id,
        s.name,
        s.email,
        s.phone,
        s.city,
        s.country,
        s.segment,
        s.created_at,
        s.updated_at,
        s._pending,
        true as _is_here
    from landing."customers.compared" as s
),

kept as (
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
        true as _is_here
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
            r._pending
        from (
            select
                t.customer_id::text as customer_id,
                t.name::text as name,
                t.email::text as email,
                t.phone::text as phone,
                t.city::text as city,
                t.country::text as country,
                t.segment::text as segment,
                t.created_at::text as created_at,
                t.updated_at::text as updated_at,
                false as _pending
            from public.mrr_dim_customers as t
            where t._deleted_at is null
        ) as r
        where left(
            md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3
        ) = any (array['fad']::text[])
    ) as r
),

found as materialized (
    select
        array[coalesce(s.customer_id, r.customer_id)::text] as key,
        case
            when r._is_here is null then 'missing'
            when s._is_here is null then 'surplus'
            else 'changed'
        end as kind,
        case
            when r._is_here and s._is_here
                then array_remove(
                    array[
                        (case when s.name::text is distinct from r.name::text then 'name' end),
                        (case when s.email::text is distinct from r.email::text then 'email' end),
                        (case when s.phone::text is distinct from r.phone::text then 'phone' end),
                        (case when s.city::text is distinct from r.city::text then 'city' end),
                        (
                            case when s.country::text is distinct from r.country::text then 'country' end
                        ),
                        (
                            case when s.segment::text is distinct from r.segment::text then 'segment' end
                        ),
                        (
                            case when s.created_at::timestamp with time zone is distinct from r.created_at::timestamp with time zone then 'created_at' end
                        ),
                        (
                            case when s.updated_at::timestamp with time zone is distinct from r.updated_at::timestamp with time zone then 'updated_at' end
                        ),
                        null::text
                    ],
                    null
                )
            else '{}'
        end as columns,
        ((
            s._pending is not null
            and (
                num_nulls(s.customer_id) > 0
                or exists (
                    select
                    from tidemark.refused as f
                    where
                        f.area = 'retail'
                        and f.entity = 'customers'
                        and f.item = ''
                        and f.ended_by is null
                        and f.row_key = jsonb_build_object('customer_id', s.customer_id)
                )
            )
        )) is true as is_excused,
        row_number() over (
            order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
        ) as position
    from sent as s
    full join kept as r on s.customer_id = r.customer_id
    where
        (
            s._is_here is null
            or r._is_here is null
            or (
                s.customer_id::bigint is distinct from r.customer_id::bigint
                or s.name::text is distinct from r.name::text
                or s.email::text is distinct from r.email::text
                or s.phone::text is distinct from r.phone::text
                or s.city::text is distinct from r.city::text
                or s.country::text is distinct from r.country::text
                or s.segment::text is distinct from r.segment::text
                or s.created_at::timestamp with time zone is distinct from r.created_at::timestamp with time zone
                or s.updated_at::timestamp with time zone is distinct from r.updated_at::timestamp with time zone
            )
        )
        and s._pending is not true
)

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{}'::text[] as columns,
    0 as position
from found
where is_excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not is_excused
order by position;

-- differences
with sent as (
    select
        s.customer_id,
        s.customer_name,
        s.email,
        s.phone,
        s.city,
        s.country,
        s.country_code,
        s.segment,
        s.created_at,
        s.updated_at,
        s._pending,
        true as _is_here
    from (
        select
            t.customer_id,
            t.customer_name,
            t.email,
            t.phone,
            t.city,
            t.country,
            t.country_code,
            t.segment,
            t.created_at,
            t.updated_at,
            t._batch_id > 2 as _pending
        from landing."customers.cleaned" as t
        where t.reject_reasons = '{}' and t._deleted_at is null or t._batch_id > 2
    ) as s
),

kept as (
    select
        r.customer_id,
        r.customer_name,
        r.email,
        r.phone,
        r.city,
        r.country,
        r.country_code,
        r.segment,
        r.created_at,
        r.updated_at,
        true as _is_here
    from (
        select
            t.customer_id,
            t.customer_name,
            t.email,
            t.phone,
            t.city,
            t.country,
            t.country_code,
            t.segment,
            t.created_at,
            t.updated_at
        from public.stg_dim_customers as t
        where t._deleted_at is null
    ) as r
),

found as materialized (
    select
        array[coalesce(s.customer_id, r.customer_id)::text] as key,
        case
            when r._is_here is null then 'missing'
            when s._is_here is null then 'surplus'
            else 'changed'
        end as kind,
        case
            when r._is_here and s._is_here
                then array_remove(
                    array[
                        (
                            case when s.customer_name is distinct from r.customer_name then 'customer_name' end
                        ),
                        (case when s.email is distinct from r.email then 'email' end),
                        (case when s.phone is distinct from r.phone then 'phone' end),
                        (case when s.city is distinct from r.city then 'city' end),
                        (case when s.country is distinct from r.country then 'country' end),
                        (
                            case when s.country_code is distinct from r.country_code then 'country_code' end
                        ),
                        (case when s.segment is distinct from r.segment then 'segment' end),
                        (
                            case when s.created_at is distinct from r.created_at then 'created_at' end
                        ),
                        (
                            case when s.updated_at is distinct from r.updated_at then 'updated_at' end
                        ),
                        null::text
                    ],
                    null
                )
            else '{}'
        end as columns,
        (s._is_here is null and (
            (r.customer_id) in (
                select customer_id
                from landing."customers.cleaned"
                where
                    _mrr_key is null
                    and (reject_reasons <> '{}' and _deleted_at is null or _batch_id > 2)
            )
            or jsonb_build_object('customer_id', r.customer_id) in (
                select _held
                from landing."customers.cleaned"
                where
                    _held is not null
                    and (reject_reasons <> '{}' and _deleted_at is null or _batch_id > 2)
            )
        )) is true as is_excused,
        row_number() over (
            order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
        ) as position
    from sent as s
    full join kept as r on s.customer_id = r.customer_id
    where
        (
            s._is_here is null
            or r._is_here is null
            or (
                s.customer_id is distinct from r.customer_id
                or s.customer_name is distinct from r.customer_name
                or s.email is distinct from r.email
                or s.phone is distinct from r.phone
                or s.city is distinct from r.city
                or s.country is distinct from r.country
                or s.country_code is distinct from r.country_code
                or s.segment is distinct from r.segment
                or s.created_at is distinct from r.created_at
                or s.updated_at is distinct from r.updated_at
            )
        )
        and s._pending is not true
)

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{}'::text[] as columns,
    0 as position
from found
where is_excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not is_excused
order by position;
