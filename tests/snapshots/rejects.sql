-- begin
insert into stg_rejects
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at, resolved_at)
select
    'retail',
    'customers',
    s.key,
    (
        select to_jsonb(v.*)
        from (
            select
                l.customer_id,
                l.name,
                l.email,
                l.phone,
                l.city,
                l.country,
                l.segment,
                l.created_at,
                l.updated_at
        ) as v
    ),
    s.reasons,
    s._batch_id,
    s._first_seen_at,
    s._last_seen_at,
    greatest(s._ended_at, case when s._ended_at is not null then s._last_seen_at end)
from landing."customers.stays" as s
inner join landing.customers as l on s._landed = l._first_batch_id
where not s._goes_on;

-- count_refused
select coalesce(sum(_refused), 0)::bigint from landing."customers.stays";

-- end
update stg_rejects as r
set resolved_at = greatest(s._good_at, r.last_seen_at)
from landing."customers.stays" as s
where
    r.area = 'retail'
    and r.entity = 'customers'
    and r.item is null
    and r.resolved_at is null
    and r.key = s.key
    and s._stay = 1;

-- go_on
update stg_rejects as r
set
    row_data = (
        select to_jsonb(v.*)
        from (
            select
                l.customer_id,
                l.name,
                l.email,
                l.phone,
                l.city,
                l.country,
                l.segment,
                l.created_at,
                l.updated_at
        ) as v
    ),
    reasons = s.reasons,
    batch_id = s._batch_id,
    last_seen_at = greatest(r.last_seen_at, s._last_seen_at)
from landing."customers.stays" as s
inner join landing.customers as l on s._landed = l._first_batch_id
where
    r.area = 'retail'
    and r.entity = 'customers'
    and r.item is null
    and r.resolved_at is null
    and r.key = s.key
    and s._goes_on;

-- is_empty
select not exists (
    select
    from public.stg_things
    where _deleted_at is null
);

-- open
insert into stg_rejects as r
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    :area,
    :entity,
    jsonb_build_object('customer_id', l.customer_id),
    (
        select to_jsonb(v.*)
        from (
            select
                l.customer_id,
                l.name,
                l.email,
                l.phone,
                l.city,
                l.country,
                l.segment,
                l.created_at,
                l.updated_at
        ) as v
    ),
    refused.reasons,
    refused._batch_id,
    refused._extracted_at,
    refused._extracted_at
from (
    select
        c._landed,
        array_agg(distinct reason.reason order by reason.reason) as reasons,
        max(c._batch_id) as _batch_id,
        max(c._extracted_at) as _extracted_at
    from landing."customers.cleaned" as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c.reject_reasons <> '{}' and c._deleted_at is null
    group by c._landed
) as refused
inner join landing.customers as l on refused._landed = l._first_batch_id;

-- open_or_continue
insert into stg_rejects as r
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    :area,
    :entity,
    jsonb_build_object('customer_id', l.customer_id),
    (
        select to_jsonb(v.*)
        from (
            select
                l.customer_id,
                l.name,
                l.email,
                l.phone,
                l.city,
                l.country,
                l.segment,
                l.created_at,
                l.updated_at
        ) as v
    ),
    refused.reasons,
    refused._batch_id,
    refused._extracted_at,
    refused._extracted_at
from (
    select
        c._landed,
        array_agg(distinct reason.reason order by reason.reason) as reasons,
        max(c._batch_id) as _batch_id,
        max(c._extracted_at) as _extracted_at
    from landing."customers.cleaned" as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c.reject_reasons <> '{}' and c._deleted_at is null
    group by c._landed
) as refused
inner join landing.customers as l on refused._landed = l._first_batch_id
on conflict (area, entity, key, item) where resolved_at is null do update
set
    row_data = excluded.row_data,
    reasons = excluded.reasons,
    batch_id = excluded.batch_id,
    last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at);

-- resolve
update stg_rejects as r
set resolved_at = greatest(good._extracted_at, r.last_seen_at)
from (
    select
        jsonb_build_object('customer_id', l.customer_id) as key,
        c._extracted_at
    from landing."customers.cleaned" as c
    inner join landing.customers as l on c._landed = l._first_batch_id
    where c.reject_reasons = '{}' or c._deleted_at is not null
) as good
where
    r.area = :area
    and r.entity = :entity
    and r.item is null
    and r.resolved_at is null
    and r.key = good.key;

-- stays
with refused as (
    select
        c._landed,
        array_agg(distinct reason.reason order by reason.reason) as reasons
    from landing."customers.cleaned" as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c._deleted_at is null
    group by c._landed
),

shown as (
    select distinct
        jsonb_build_object('customer_id', l.customer_id) as key,
        c._landed,
        c._batch_id,
        c._seq,
        c._extracted_at,
        r.reasons
    from landing."customers.cleaned" as c
    inner join landing.customers as l on c._landed = l._first_batch_id
    left join refused as r on c._landed = r._landed
),

counted as (
    select
        *,
        count(*) filter (where reasons is null)
            over (partition by key order by _batch_id, _seq) as _stay,
        row_number() over (partition by key order by _batch_id desc, _seq desc) as _from_last
    from shown
),

stays as (
    select
        key,
        _stay,
        min(_extracted_at) filter (where reasons is null) as _good_at,
        (array_agg(_extracted_at order by _batch_id, _seq) filter (where reasons is not null))[1]
            as _first_seen_at,
        max(_extracted_at) filter (where reasons is not null) as _last_seen_at,
        count(reasons) as _refused,
        min(_from_last) filter (where reasons is not null) as _last
    from counted
    group by key, _stay
)

select
    s.key,
    s._stay,
    s._good_at,
    s._first_seen_at,
    s._last_seen_at,
    s._refused,
    c._landed,
    c._batch_id,
    c.reasons,
    lead(s._good_at) over (partition by s.key order by s._stay) as _ended_at,
    s._stay = 0 and exists (
        select
        from stg_rejects as r
        where
            r.area = 'retail'
            and r.entity = 'customers'
            and r.item is null
            and r.resolved_at is null
            and r.key = s.key
    ) as _goes_on
from stays as s
left join counted as c on s.key = c.key and s._last = c._from_last;
