-- checksums
select
    left(md5(convert_to(row(r.customer_id)::text, 'UTF8')), 3),
    count(*) filter (where not r._pending),
    count(*) filter (where r._pending),
    sum(('x' || left(md5(convert_to(row(r.customer_id, r.name, r.email, r.phone, r.city, r.country, r.segment, r.created_at, r.updated_at)::text, 'UTF8')), 16))::bit(64)::bigint)
    filter (where not r._pending)
from (
    select
        t.customer_id::text as customer_id, t.name::text as name, t.email::text as email, t.phone::text as phone, t.city::text as city, t.country::text as country, t.segment::text as segment, t.created_at::text as created_at, t.updated_at::text as updated_at,
        false as _pending
    from public.mrr_dim_customers as t
    where t._deleted_at is null
) as r
group by 1;

-- count
select
    d.kind,
    count(*)
from (select
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
                    (case when s.customer_name is distinct from r.customer_name then 'customer_name' end), (case when s.email is distinct from r.email then 'email' end), (case when s.phone is distinct from r.phone then 'phone' end), (case when s.city is distinct from r.city then 'city' end), (case when s.country is distinct from r.country then 'country' end), (case when s.country_code is distinct from r.country_code then 'country_code' end), (case when s.segment is distinct from r.segment then 'segment' end), (case when s.created_at is distinct from r.created_at then 'created_at' end), (case when s.updated_at is distinct from r.updated_at then 'updated_at' end),
                    null::text
                ],
                null
            )
        else '{}'
    end as columns,
    (false) is true as excused,
    row_number() over (
        order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
    ) as position
from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _pending, true as _is_here from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, false as _pending from landing."customers.before" where _deleted_at is null) as sent) as s
full join (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, true as _is_here from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, false as _pending from public.stg_dim_customers where _deleted_at is null) as kept) as r on s.customer_id = r.customer_id
where
    (
        s._is_here is null
        or r._is_here is null
        or (s.customer_id is distinct from r.customer_id or s.customer_name is distinct from r.customer_name or s.email is distinct from r.email or s.phone is distinct from r.phone or s.city is distinct from r.city or s.country is distinct from r.country or s.country_code is distinct from r.country_code or s.segment is distinct from r.segment or s.created_at is distinct from r.created_at or s.updated_at is distinct from r.updated_at)
    )
    and s._pending is not true) as d
group by d.kind;

-- differences
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
                    (case when s.customer_name is distinct from r.customer_name then 'customer_name' end), (case when s.email is distinct from r.email then 'email' end), (case when s.phone is distinct from r.phone then 'phone' end), (case when s.city is distinct from r.city then 'city' end), (case when s.country is distinct from r.country then 'country' end), (case when s.country_code is distinct from r.country_code then 'country_code' end), (case when s.segment is distinct from r.segment then 'segment' end), (case when s.created_at is distinct from r.created_at then 'created_at' end), (case when s.updated_at is distinct from r.updated_at then 'updated_at' end),
                    null::text
                ],
                null
            )
        else '{}'
    end as columns,
    (false) is true as excused,
    row_number() over (
        order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
    ) as position
from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _pending, true as _is_here from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, false as _pending from landing."customers.before" where _deleted_at is null) as sent) as s
full join (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, true as _is_here from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, false as _pending from public.stg_dim_customers where _deleted_at is null) as kept) as r on s.customer_id = r.customer_id
where
    (
        s._is_here is null
        or r._is_here is null
        or (s.customer_id is distinct from r.customer_id or s.customer_name is distinct from r.customer_name or s.email is distinct from r.email or s.phone is distinct from r.phone or s.city is distinct from r.city or s.country is distinct from r.country or s.country_code is distinct from r.country_code or s.segment is distinct from r.segment or s.created_at is distinct from r.created_at or s.updated_at is distinct from r.updated_at)
    )
    and s._pending is not true;

-- judged
with found as materialized (select
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
                    (case when s.customer_name is distinct from r.customer_name then 'customer_name' end), (case when s.email is distinct from r.email then 'email' end), (case when s.phone is distinct from r.phone then 'phone' end), (case when s.city is distinct from r.city then 'city' end), (case when s.country is distinct from r.country then 'country' end), (case when s.country_code is distinct from r.country_code then 'country_code' end), (case when s.segment is distinct from r.segment then 'segment' end), (case when s.created_at is distinct from r.created_at then 'created_at' end), (case when s.updated_at is distinct from r.updated_at then 'updated_at' end),
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
        where _mrr_key is null and (reject_reasons <> '{}' or _batch_id > 2)
    )
    or jsonb_build_object('customer_id', r.customer_id) in (
        select _held
        from landing."customers.cleaned"
        where _held is not null and (reject_reasons <> '{}' or _batch_id > 2)
    )
)) is true as excused,
    row_number() over (
        order by s._is_here is null, r._is_here is null, coalesce(s.customer_id, r.customer_id)
    ) as position
from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _pending, true as _is_here from (
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
    where t.reject_reasons = '{}' or t._batch_id > 2
) as sent) as s
full join (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, true as _is_here from (select t.customer_id, t.customer_name, t.email, t.phone, t.city, t.country, t.country_code, t.segment, t.created_at, t.updated_at from public.stg_dim_customers as t where t._deleted_at is null) as kept) as r on s.customer_id = r.customer_id
where
    (
        s._is_here is null
        or r._is_here is null
        or (s.customer_id is distinct from r.customer_id or s.customer_name is distinct from r.customer_name or s.email is distinct from r.email or s.phone is distinct from r.phone or s.city is distinct from r.city or s.country is distinct from r.country or s.country_code is distinct from r.country_code or s.segment is distinct from r.segment or s.created_at is distinct from r.created_at or s.updated_at is distinct from r.updated_at)
    )
    and s._pending is not true)

select
    array[count(*)::text] as key,
    'excused' as kind,
    '{}'::text[] as columns,
    0 as position
from found
where excused
union all
select
    key,
    kind,
    columns,
    position
from found
where not excused
order by position;
