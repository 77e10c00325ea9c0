-- are_known
delete from tidemark.claims_unknown
where area = 'made';

-- claim
insert into tidemark.key_claim as k (area, entity, mrr_key, stg_key, holds, since, row_data)
select
    'made',
    'things',
    c._mrr_key,
    c._stg_key,
    c._taken_by is null,
    c._since,
    case
        when c._taken_by is not null
            then jsonb_object(
                array['tag',
                'part',
                'v',
                'sizes',
                'at',
                'updated_at']::text[],
                array[l.tag::text,
                l.part::text,
                l.v::text,
                l.sizes::text,
                l.at::text,
                l.updated_at::text]::text[]
            )
    end
from landing."things.cleaned" as c
inner join landing.things as l on c._landed = l._first_batch_id
where
    c._deleted_at is null
    and (
        c._taken_by is not null
        or c.reject_reasons = '{}' and (not c._is_own or c._since is not null)
    )
on conflict (area, entity, mrr_key) do nothing;

-- claim_what_others_want
insert into tidemark.key_claim as k (area, entity, mrr_key, stg_key, holds)
select distinct
    'made',
    'things',
    c._taken_by,
    c._stg_key,
    true
from landing."things.cleaned" as c
where c._taken_by is not null
on conflict (area, entity, mrr_key) do nothing;

-- decide
update landing."things.cleaned" as c
set
    _taken_by = w.mrr_key,
    reject_reasons = array['key is taken by ' || concat_ws(
        ', ', w.mrr_key ->> 'tag', w.mrr_key ->> 'part'
    )]
from (
    select
        w.stg_key,
        case
            when w.stg_key in (
                select f._held from landing."things.cleaned" as f where f._frees
            ) then w.mrr_key
            else coalesce(
                (
                    select k.mrr_key
                    from tidemark.key_claim as k
                    where
                        k.area = 'made'
                        and k.entity = 'things'
                        and k.holds
                        and k.stg_key = w.stg_key
                ),
                (
                    select
                        jsonb_build_object(
                            'tag',
                            m.tag,
                            'part',
                            case when pg_input_is_valid(
                                m.part::text, 'integer'
                            ) then m.part::text::integer end
                        )
                    from public.stg_things as m
                    where m.tag = w.tag and m.part = w.part and m._deleted_at is null and true
                ),
                w.mrr_key
            )
        end as mrr_key
    from (
        select distinct on (c._stg_key)
            c._stg_key as stg_key,
            c._mrr_key as mrr_key,
            c.tag,
            c.part
        from landing."things.cleaned" as c
        inner join landing.things as l on c._landed = l._first_batch_id
        where
            c._mrr_key is not null
            and c._deleted_at is null
            and c.reject_reasons = '{}'
            and true
        order by c._stg_key, l.tag, l.part
    ) as w
) as w
where
    c._stg_key = w.stg_key
    and c._mrr_key <> w.mrr_key
    and c._deleted_at is null
    and c.reject_reasons = '{}'
    and true;

-- delete_unheld
insert into landing."things.cleaned" (
    tag,
    part,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    reject_reasons
)
select
    m.tag,
    m.part,
    c._batch_id,
    c._seq,
    c._extracted_at,
    coalesce(c._deleted_at, c._extracted_at),
    '{}'
from landing."things.cleaned" as c
cross join lateral jsonb_populate_record(null::public.stg_things, c._held) as h
inner join public.stg_things as m on m.tag = h.tag and m.part = h.part
where
    c._frees
    and m._deleted_at is null
    and not exists (
        select
        from landing."things.cleaned" as n
        where n._stg_key = c._held and n._deleted_at is null and n.reject_reasons = '{}'
    );

-- examine
select
    count(*) filter (where l._first_batch_id is null),
    count(*) filter (
        where (l.customer_id = c.customer_id and true) is not true
    ),
    count(*) - count(distinct c._landed),
    coalesce(bool_or(c._seq <> 0), false),
    exists (select from tidemark.key_claim as k where k.area = 'retail' and k.entity = 'customers'),
    exists (
        select from landing."customers.cleaned" where reject_reasons <> '{}' and _deleted_at is null
    ),
    exists (
        select from stg_rejects as r
        where r.area = 'retail' and r.entity = 'customers' and r.resolved_at is null
    )
from landing."customers.cleaned" as c
left join landing.customers as l on c._landed = l._first_batch_id
where c._landed is null or c._landed > 0;

-- forget
delete from tidemark.key_claim as k
where k.area = 'retail' and k.entity = 'customers';

-- forget_holders
delete from tidemark.key_claim as k
using (select sale_id::bigint as sale_id from unnest(array['99']::text[]) as k (sale_id)) as g
where
    k.area = 'retail'
    and k.entity = 'sales'
    and k.holds
    and k.stg_key = jsonb_build_object('sale_id', g.sale_id::bigint);

-- forget_repeated_deletes
delete from landing."things.cleaned" as c
using landing."things.cleaned" as d
where c._landed = d._landed and c._deleted_at is not null and c.ctid > d.ctid;

-- forget_waiting
delete from tidemark.key_claim as k
where
    k.area = 'made' and k.entity = 'things'
    and not k.holds
    and (
        select jsonb_agg(k.mrr_key ->> c.name order by c.position)
        from unnest(:columns::text[]) with ordinality as c (name, position)
    ) in (select g.value from jsonb_array_elements(:keys::jsonb) as g);

-- hold
update landing."things.cleaned" as c
set
    _held = h.stg_key,
    _frees = true
    and (c._deleted_at is not null or c.reject_reasons = '{}' and c._stg_key <> h.stg_key)
from (
    select
        k.mrr_key,
        k.stg_key
    from tidemark.key_claim as k
    where k.area = 'made' and k.entity = 'things' and k.holds
    union all
    select
        c._mrr_key,
        jsonb_build_object('tag', m.tag, 'part', m.part)
    from landing."things.cleaned" as c
    inner join landing.things as l on c._landed = l._first_batch_id
    inner join public.stg_things as m on m.tag = l.tag
    and m.part = case when pg_input_is_valid(l.part::text, 'bigint') then l.part::text::bigint end
    and m.part::text = l.part::text
    where
        c._mrr_key is not null
        and m._deleted_at is null
        and not exists (
            select
            from tidemark.key_claim as k
            where
                k.area = 'made' and k.entity = 'things'
                and k.holds
                and (
                    k.mrr_key = c._mrr_key
                    or k.stg_key = jsonb_build_object('tag', m.tag, 'part', m.part)
                )
    )
) as h
where c._mrr_key = h.mrr_key;

-- hold
update landing."things.cleaned" as c
set
    _held = h.stg_key,
    _frees = c._batch_id <= 14
    and (c._deleted_at is not null or c.reject_reasons = '{}' and c._stg_key <> h.stg_key)
from (
    select
        k.mrr_key,
        k.stg_key
    from tidemark.key_claim as k
    where k.area = 'made' and k.entity = 'things' and k.holds
    union all
    select
        c._mrr_key,
        jsonb_build_object('tag', m.tag, 'part', m.part)
    from landing."things.cleaned" as c
    inner join landing.things as l on c._landed = l._first_batch_id
    inner join public.stg_things as m on m.tag = l.tag
    and m.part = case when pg_input_is_valid(l.part::text, 'bigint') then l.part::text::bigint end
    and m.part::text = l.part::text
    where
        c._mrr_key is not null
        and m._deleted_at is null
        and not exists (
            select
            from tidemark.key_claim as k
            where
                k.area = 'made' and k.entity = 'things'
                and k.holds
                and (
                    k.mrr_key = c._mrr_key
                    or k.stg_key = jsonb_build_object('tag', m.tag, 'part', m.part)
                )
    )
) as h
where c._mrr_key = h.mrr_key;

-- keep_marked
delete from landing."things.cleaned"
where _mrr_key is null;

-- last_number
select coalesce(max(_first_batch_id), 0) from landing.things;

-- mark
update landing."things.cleaned" as c
set
    _mrr_key = jsonb_build_object('tag', l.tag, 'part', l.part),
    _stg_key = jsonb_build_object('tag', c.tag::text, 'part', c.part::bigint),
    _is_own = (l.tag = c.tag and l.part::text = c.part::bigint::text) is true
from landing.things as l
where c._landed = l._first_batch_id
and c._mrr_key is null
and ((l.tag = c.tag and l.part::text = c.part::bigint::text) is not true);

-- mark
update landing."things.cleaned" as c
set
    _mrr_key = jsonb_build_object('tag', l.tag, 'part', l.part),
    _stg_key = jsonb_build_object('tag', c.tag::text, 'part', c.part::bigint),
    _is_own = (l.tag = c.tag and l.part::text = c.part::bigint::text) is true
from landing.things as l
where c._landed = l._first_batch_id
and c._mrr_key is null
and ((l.tag = c.tag and l.part::text = c.part::bigint::text) is not true
or jsonb_build_object('tag', l.tag, 'part', l.part) in (
    select k.mrr_key from tidemark.key_claim as k where k.area = 'made' and k.entity = 'things'
)
or jsonb_build_object('tag', c.tag::text, 'part', c.part::bigint) in (
    select k.stg_key from tidemark.key_claim as k where k.area = 'made' and k.entity = 'things'
));

-- mark
update landing."things.cleaned" as c
set
    _mrr_key = jsonb_build_object('tag', l.tag, 'part', l.part),
    _stg_key = jsonb_build_object('tag', c.tag::text, 'part', c.part::bigint),
    _is_own = (l.tag = c.tag and l.part::text = c.part::bigint::text) is true
from landing.things as l
where c._landed = l._first_batch_id
and c._mrr_key is null
and ((c.tag, c.part) in (select tag, part from landing."things.cleaned" where _mrr_key is not null));

-- origins
select
    array[g.customer_id::text],
    array[l.customer_id::text]
from (
    select customer_id::bigint as customer_id
    from unnest(array['1', '2', '5', '98']::text[]) as k (customer_id)
) as g
inner join (
    select
        k.mrr_key,
        k.stg_key
    from tidemark.key_claim as k
    where k.area = 'retail' and k.entity = 'customers' and k.holds
    union
    select
        c._mrr_key,
        c._stg_key
    from landing."customers.cleaned" as c
    where c._mrr_key is not null and c.reject_reasons = '{}'
) as k on k.stg_key = jsonb_build_object('customer_id', g.customer_id::bigint)
cross join lateral jsonb_populate_record(null::landing.customers, k.mrr_key) as l;

-- refuse_repeated
update landing."things.cleaned"
set reject_reasons = reject_reasons || 'key occurs more than once in a batch'::text
where _landed in (
    select r._landed from landing."things.cleaned" as r group by r._landed having count(*) > 1
);

-- release
delete from tidemark.key_claim as k
using landing."things.cleaned" as c
where
    k.area = 'made' and k.entity = 'things'
    and k.mrr_key = c._mrr_key
    and (
        not k.holds
        or c._deleted_at is not null
        or c._taken_by is not null
        or c.reject_reasons = '{}' and k.stg_key <> c._stg_key
    );

-- rename_rejects
update stg_rejects as r
set key = n.mrr_key
from (
    select distinct on (n.stg_key)
        n.mrr_key,
        n.stg_key
    from (
        select
            jsonb_build_object('tag', l.tag, 'part', l.part) as mrr_key,
            jsonb_build_object('tag', c.tag, 'part', c.part) as stg_key
        from landing."things.cleaned" as c
        inner join landing.things as l on c._landed = l._first_batch_id
        where c.reject_reasons <> '{}'
    ) as n
    where n.mrr_key <> n.stg_key
    order by n.stg_key, n.mrr_key
) as n
where
    r.area = 'made'
    and r.entity = 'things'
    and r.resolved_at is null
    and r.key = n.stg_key
    and not exists (
        select
        from stg_rejects as o
        where
            o.area = r.area
            and o.entity = r.entity
            and o.resolved_at is null
            and o.key = n.mrr_key
    );

-- take_effect
update landing."things.cleaned" as c
set
    _since = n.since,
    at = greatest(c.at, (n.since at time zone 'Europe/Berlin'))
from (
    select
        n._landed,
        greatest(
            coalesce(f._deleted_at, f._extracted_at),
            (m.at at time zone 'Europe/Berlin') + interval '1 microsecond'
        ) as since
    from landing."things.cleaned" as f
    inner join landing."things.cleaned" as n on f._held = n._stg_key and f._mrr_key <> n._mrr_key
    cross join lateral jsonb_populate_record(null::public.stg_things, f._held) as h
    inner join public.stg_things as m on m.tag = h.tag and m.part = h.part
    where f._frees
    union all
    select
        n._landed,
        k.since
    from tidemark.key_claim as k
    inner join landing."things.cleaned" as n on k.mrr_key = n._mrr_key and k.stg_key = n._stg_key
    where k.area = 'made' and k.entity = 'things' and k.holds and k.since is not null
) as n
where c._landed = n._landed and c._deleted_at is null and c.reject_reasons = '{}';

-- wake
insert into landing.things (
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at
)
select
    (k.row_data ->> 'tag')::text,
    (k.row_data ->> 'part')::integer,
    (k.row_data ->> 'v')::text,
    (k.row_data ->> 'sizes')::integer[],
    (k.row_data ->> 'at')::timestamp without time zone,
    (k.row_data ->> 'updated_at')::timestamp with time zone,
    b._batch_id,
    b._seq,
    1 + row_number() over (),
    b._extracted_at
from tidemark.key_claim as k
cross join (
    select
        max(_batch_id) as _batch_id,
        max(_seq) as _seq,
        max(_extracted_at) as _extracted_at
    from landing."things.cleaned"
) as b
where
    k.area = 'made' and k.entity = 'things'
    and not k.holds
    and k.stg_key in (
        select c._held
        from landing."things.cleaned" as c
        where c._frees
    )
    and not exists (
        select
        from landing."things.cleaned" as c
        where c._mrr_key = k.mrr_key
    );
