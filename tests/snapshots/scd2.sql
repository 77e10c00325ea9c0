-- as_known
with landed as (
    select v.*
    from (select
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
        null::bigint as _replaced_by
    from public.stg_dim_customers
    union all
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
    from public.stg_dim_customers_history) as v
    where v.customer_id = '1'::bigint and (1::bigint is null or v._batch_id <= 1)
),

known as (
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        null::bigint as _key,
        null::timestamptz as _known_from,
        null::timestamptz as _known_to,
        null::timestamptz as _raw_at,
        null::boolean as _live,
        null::boolean as _inferred,
        null::bigint as _batch_id,
        null::bigint as _seq
    from landed
    where false
)

select
    t.customer_id,
    t.segment,
    t.city,
    t.country,
    t.customer_name,
    t.email,
    t.phone,
    t.country_code,
    t.valid_from,
    t.valid_to,
    t.is_current,
    t.is_deleted,
    t.changed_at,
    t._batch_id,
    t._seq,
    t._deleted_batch_id,
    t._deleted_seq
from (
    with observed as (
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            _key,
            _known_from,
            _known_to,
            _raw_at,
            _live,
            _inferred,
            false as _incoming,
            null::timestamptz as _clock,
            _batch_id,
            _seq
        from known
        union all
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            null as _key,
            null as _known_from,
            null as _known_to,
            case
                when _deleted_at is null then updated_at
                when false or updated_at > null::timestamptz then _deleted_at
                else greatest(_deleted_at, updated_at + interval '1 microsecond')
            end as _raw_at,
            _deleted_at is null as _live,
            false as _inferred,
            true as _incoming,
            null::timestamptz as _clock,
            _batch_id,
            _seq
        from landed
    ),
    summed_up as (
        select
            *,
            max(_batch_id) filter (where not _incoming and not _inferred) over whole as _seen,
            max(_key) filter (where _inferred) over whole as _inferred_key,
            bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred,
            bool_or(not _live) over whole as _was_deleted
        from observed
        window whole as (
            partition by customer_id order by _raw_at, _live, _batch_id desc, _seq desc
            rows between unbounded preceding and unbounded following
        )
    ),
    arrived as (
        select *
        from summed_up
        where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
    ),
    judged as (
        select
            *,
            false as _withdrawn,
            false as _is_judge,
            false as _is_judged
        from arrived
    ),
    counted as (
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            _key,
            _known_to,
            _raw_at,
            _live,
            _batch_id,
            _seq,
            _inferred_key,
            _was_inferred,
            _was_deleted,
            _withdrawn,
            _is_judge,
            _is_judged
        from judged
        window whole as (partition by customer_id)
    ),
    deleting as (
        select
            *,
            not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
        from counted
        where _was_deleted
        window arrival as (
            partition by customer_id, _withdrawn order by _batch_id, _seq, _live desc
        )
    ),
    ticking as (
        select
            *,
            interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
        from deleting
        window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
    ),
    deletes_placed as (
        select
            *,
            case
                when _deletes
                    then max(_raw_at - _ticks)
                        filter (where (_live or _deletes) and not _withdrawn) over arrival
                        + _ticks
            end as _deleted_at
        from ticking
        window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
    ),
    placed as (
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            _raw_at as _at,
            _live,
            _batch_id,
            _seq,
            _key,
            _known_to,
            _inferred_key,
            _was_inferred,
            _withdrawn,
            _is_judge,
            _is_judged
        from counted
        where not _was_deleted
        union all
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            case
                when not _live or max(_deleted_at) over arrival > _raw_at
                    then max(_deleted_at) over arrival
                else _raw_at
            end as _at,
            _live,
            _batch_id,
            _seq,
            _key,
            _known_to,
            _inferred_key,
            _was_inferred,
            _withdrawn,
            _is_judge,
            _is_judged
        from deletes_placed
        window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
    ),
    ranked as (
        select
            customer_id,
            segment,
            city,
            country,
            customer_name,
            email,
            phone,
            country_code,
            _at,
            _live,
            _batch_id,
            _seq,
            _key,
            _inferred_key,
            _withdrawn,
            bool_or(_was_inferred) over instant as _was_inferred,
            row_number() over instant as _rank,
            max(_key) over instant as _instant_key,
            max(_known_to) over instant as _instant_to,
            case
                when _withdrawn then '-infinity'
                when _is_judge then max(_at) filter (where not _withdrawn and _is_judged) over whole
                else _at
            end as _told_at
        from placed
        where _live or _at is not null
        window
            whole as (partition by customer_id),
            instant as (
                partition by customer_id, _at, _live order by _batch_id desc, _seq desc
                rows between unbounded preceding and unbounded following
            )
    ),
    told as (
        select *
        from ranked
    ),
    compared as (
        select
            customer_id,
            segment,
            city,
            country,
            last_value(customer_name) over timeline as customer_name,
            last_value(email) over timeline as email,
            last_value(phone) over timeline as phone,
            country_code,
            _at,
            _live,
            _batch_id,
            _seq,
            _instant_key,
            _instant_to,
            _inferred_key,
            bool_or(_was_inferred) over timeline as _was_inferred,
            (
                _live is distinct from lag(_live) over timeline
                or _live
                and (
                    segment is distinct from lag(segment) over timeline
                    or city is distinct from lag(city) over timeline
                    or country is distinct from lag(country) over timeline
                )
            ) as _starts
        from told
        where _rank = 1 and not _withdrawn
        window timeline as (
            partition by customer_id order by _at, _live
            rows between unbounded preceding and unbounded following
        )
    ),
    continued as (
        select
            *,
            case
                when _instant_key is not null then _instant_key
                when not lead(_starts) over timeline then lead(_instant_key) over timeline
            end as _version_key,
            case
                when _instant_key is not null then _at
                when not lead(_starts) over timeline then lead(_at) over timeline
            end as _version_at,
            case
                when _instant_key is not null then _instant_to
                when not lead(_starts) over timeline then lead(_instant_to) over timeline
            end as _version_to,
            not _starts
            and _instant_key is not null
            and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
                as _is_superseded
        from compared
        window timeline as (
            partition by customer_id, _starts or _instant_key is not null order by _at, _live
        )
    ),
    bounded as (
        select
            *,
            lead(_at) over timeline as _next_at,
            lead(_live) over timeline as _next_live,
            lead(_batch_id) over timeline as _next_batch_id,
            lead(_seq) over timeline as _next_seq,
            case
                when lead(_live) over timeline then lead(_at) over timeline
                else lead(_at, 2) over timeline
            end as _next_version_at,
            count(*) filter (where _live) over timeline = 1 as _is_first
        from continued
        window timeline as (partition by customer_id, _starts order by _at, _live)
    )
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        _at as changed_at,
        case
            when not _starts then null
            when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
            else _at
        end as valid_from,
        case when _starts then coalesce(_next_at, timestamptz '2025-01-01Z') end as valid_to,
        case when _starts then _next_at is null end as is_current,
        case when _starts then coalesce(not _next_live, false) end as is_deleted,
        _batch_id,
        _seq,
        case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
        case when _starts and not _next_live then _next_seq end as _deleted_seq,
        case
            when _starts then 'version'
            when _is_superseded then 'superseded'
            else 'confirmation'
        end as _role,
        case
            when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
            when _is_superseded then _instant_key
        end as _key,
        case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
        case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
        case
            when _starts
                then _version_key is null
                    or _at < _version_at
                    or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to
        end as _grew,
        case when _starts then _version_to = timestamptz '2025-01-01Z'
        and _next_at is not null end as _closes,
        not _starts as _confirms
    from bounded
    where _live
) as t
where t._role = 'version'
order by t.customer_id, t.valid_from;

-- confirm
insert into landing."customers.confirmed" (customer_id, confirmed_at, _batch_id, _seq)
select
    t.customer_id,
    t.changed_at,
    t._batch_id,
    t._seq
from landing."customers.timeline" as t
where t._confirms and not exists (
    select 1 from landing."customers.confirmed" as c
    where
        t.customer_id = c.customer_id
        and c.confirmed_at = t.changed_at
        and c._batch_id = t._batch_id
        and c._seq = t._seq
)
on conflict (customer_id, confirmed_at) do update
set _batch_id = excluded._batch_id, _seq = excluded._seq;

-- delete
delete from public.dwh_dim_customers as d
using (
    select t._key
    from landing."customers.timeline" as t
    where t._role = 'superseded'
) as t
where d.customer_key = t._key;

-- examine
select
    count(*) filter (where _role = 'version' and _key is null) as inserted,
    count(*) filter (where _role = 'superseded') as deleted,
    count(*) filter (where _closes) as closed
from landing."customers.timeline";

-- fill
insert into public.dwh_dim_customers (
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq
)
select
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    case when true then least(updated_at, timestamptz '2025-01-01Z') else updated_at end,
    timestamptz '2025-01-01Z',
    true,
    false,
    updated_at,
    _batch_id,
    _seq,
    null,
    null
from landing.customers;

-- fill
insert into zoned.dim_things (
    id,
    v,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq
)
select
    id,
    v,
    case when true then least(
        least((updated_at at time zone 'Europe/Berlin'), _extracted_at), timestamptz '2025-01-01Z'
    ) else least((updated_at at time zone 'Europe/Berlin'), _extracted_at) end,
    timestamptz '2025-01-01Z',
    true,
    false,
    least((updated_at at time zone 'Europe/Berlin'), _extracted_at),
    _batch_id,
    _seq,
    null,
    null
from landing_zoned.things;

-- insert
insert into public.dwh_dim_customers (
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq
)
select
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq
from landing."customers.timeline"
where _role = 'version' and _key is null;

-- is_first_load
select
    not exists (select 1 from public.dwh_dim_customers where customer_key <> 0)
    and not exists (
        select 1 from landing.customers
        where _deleted_at is not null or _batch_id is distinct from _first_batch_id or _seq <> 0
    );

-- know
select
    d.customer_id,
    d.segment,
    d.city,
    d.country,
    d.customer_name,
    d.email,
    d.phone,
    d.country_code,
    case when o._live then d.customer_key end as _key,
    case when o._live then d.valid_from end as _known_from,
    case when o._live then d.valid_to end as _known_to,
    case when o._live then d.changed_at else d.valid_to end as _raw_at,
    o._live,
    o._live and d.is_inferred as _inferred,
    case when o._live then d._batch_id else d._deleted_batch_id end as _batch_id,
    case when o._live then d._seq else d._deleted_seq end as _seq
from (
    select distinct customer_id
    from landing.customers
    order by customer_id
) as l
inner join public.dwh_dim_customers as d on l.customer_id = d.customer_id
inner join (values (true), (false)) as o (_live) on o._live or d.is_deleted;

-- know_confirmed
insert into landing."customers.known" (
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    _raw_at,
    _live,
    _inferred,
    _batch_id,
    _seq
)
select
    k.customer_id,
    k.segment,
    k.city,
    k.country,
    k.customer_name,
    k.email,
    k.phone,
    k.country_code,
    c.confirmed_at,
    true,
    false,
    c._batch_id,
    c._seq
from landing."customers.known" as k
inner join landing."customers.confirmed" as c
    on k.customer_id = c.customer_id
    and c.confirmed_at >= k._raw_at
    and c.confirmed_at < k._known_to
where not k._inferred;

-- look
select
    coalesce(k.has_deletes, false) or coalesce(l.has_deletes, false) as has_deletes,
    coalesce(k.has_inferred or l.since <= k.last_batch, false) as has_more
from (
    select
        bool_or(not _live) as has_deletes,
        bool_or(_inferred) as has_inferred,
        max(_batch_id) as last_batch
    from landing."customers.known"
) as k
cross join (
    select
        bool_or(_deleted_at is not null) as has_deletes,
        min(_batch_id) as since
    from landing.customers
) as l;

-- rebuild
with observed as (
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        _key,
        _known_from,
        _known_to,
        _raw_at,
        _live,
        _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from landing."customers.known"
    union all
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        null as _key,
        null as _known_from,
        null as _known_to,
        case
            when _deleted_at is null then updated_at
            when false or updated_at > null::timestamptz then _deleted_at
            else greatest(_deleted_at, updated_at + interval '1 microsecond')
        end as _raw_at,
        _deleted_at is null as _live,
        false as _inferred,
        true as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from landing.customers
),

summed_up as (
    select
        *,
        max(_batch_id) filter (where not _incoming and not _inferred) over whole as _seen,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred,
        bool_or(not _live) over whole as _was_deleted
    from observed
    window whole as (
        partition by customer_id order by _raw_at, _live, _batch_id desc, _seq desc
        rows between unbounded preceding and unbounded following
    )
),
arrived as (
    select *
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
),

judged as (
    select
        *,
        false as _withdrawn,
        false as _is_judge,
        false as _is_judged
    from arrived
),
counted as (
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        _key,
        _known_to,
        _raw_at,
        _live,
        _batch_id,
        _seq,
        _inferred_key,
        _was_inferred,
        _was_deleted,
        _withdrawn,
        _is_judge,
        _is_judged
    from judged
    window whole as (partition by customer_id)
),

deleting as (
    select
        *,
        not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
    from counted
    where _was_deleted
    window arrival as (partition by customer_id, _withdrawn order by _batch_id, _seq, _live desc)
),

ticking as (
    select
        *,
        interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
    from deleting
    window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
),
deletes_placed as (
    select
        *,
        case
            when _deletes
                then max(_raw_at - _ticks)
                    filter (where (_live or _deletes) and not _withdrawn) over arrival
                    + _ticks
        end as _deleted_at
    from ticking
    window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
),
placed as (
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        _raw_at as _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _known_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _is_judge,
        _is_judged
    from counted
    where not _was_deleted
    union all
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        case
            when not _live or max(_deleted_at) over arrival > _raw_at
                then max(_deleted_at) over arrival
            else _raw_at
        end as _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _known_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _is_judge,
        _is_judged
    from deletes_placed
    window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
),
ranked as (
    select
        customer_id,
        segment,
        city,
        country,
        customer_name,
        email,
        phone,
        country_code,
        _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _inferred_key,
        _withdrawn,
        bool_or(_was_inferred) over instant as _was_inferred,
        row_number() over instant as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        case
            when _withdrawn then '-infinity'
            when _is_judge then max(_at) filter (where not _withdrawn and _is_judged) over whole
            else _at
        end as _told_at
    from placed
    where _live or _at is not null
    window
        whole as (partition by customer_id),
        instant as (
            partition by customer_id, _at, _live order by _batch_id desc, _seq desc
            rows between unbounded preceding and unbounded following
        )
),

told as (
    select *
    from ranked
),
compared as (
    select
        customer_id,
        segment,
        city,
        country,
        last_value(customer_name) over timeline as customer_name,
        last_value(email) over timeline as email,
        last_value(phone) over timeline as phone,
        country_code,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        bool_or(_was_inferred) over timeline as _was_inferred,
        (
            _live is distinct from lag(_live) over timeline
            or _live
            and (
                segment is distinct from lag(segment) over timeline
                or city is distinct from lag(city) over timeline
                or country is distinct from lag(country) over timeline
            )
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (
        partition by customer_id order by _at, _live
        rows between unbounded preceding and unbounded following
    )
),
continued as (
    select
        *,
        case
            when _instant_key is not null then _instant_key
            when not lead(_starts) over timeline then lead(_instant_key) over timeline
        end as _version_key,
        case
            when _instant_key is not null then _at
            when not lead(_starts) over timeline then lead(_at) over timeline
        end as _version_at,
        case
            when _instant_key is not null then _instant_to
            when not lead(_starts) over timeline then lead(_instant_to) over timeline
        end as _version_to,
        not _starts
        and _instant_key is not null
        and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
            as _is_superseded
    from compared
    window timeline as (
        partition by customer_id, _starts or _instant_key is not null order by _at, _live
    )
),
bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        case
            when lead(_live) over timeline then lead(_at) over timeline
            else lead(_at, 2) over timeline
        end as _next_version_at,
        count(*) filter (where _live) over timeline = 1 as _is_first
    from continued
    window timeline as (partition by customer_id, _starts order by _at, _live)
)

select
    customer_id,
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    _at as changed_at,
    case
        when not _starts then null
        when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
        else _at
    end as valid_from,
    case when _starts then coalesce(_next_at, timestamptz '2025-01-01Z') end as valid_to,
    case when _starts then _next_at is null end as is_current,
    case when _starts then coalesce(not _next_live, false) end as is_deleted,
    _batch_id,
    _seq,
    case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
    case when _starts and not _next_live then _next_seq end as _deleted_seq,
    case
        when _starts then 'version'
        when _is_superseded then 'superseded'
        else 'confirmation'
    end as _role,
    case
        when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
        when _is_superseded then _instant_key
    end as _key,
    case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
    case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
    case
        when _starts
            then _version_key is null
                or _at < _version_at
                or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to
    end as _grew,
    case when _starts then _version_to = timestamptz '2025-01-01Z'
    and _next_at is not null end as _closes,
    not _starts as _confirms
from bounded
where _live;

-- rebuild
with observed as (
    select
        id,
        sizes,
        _key,
        _known_from,
        _known_to,
        _raw_at,
        _live,
        _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from landing_sold."items.known"
    union all
    select
        id,
        sizes,
        null as _key,
        null as _known_from,
        null as _known_to,
        case
            when _deleted_at is null then updated_at
            when false or updated_at > null::timestamptz then _deleted_at
            else greatest(_deleted_at, updated_at + interval '1 microsecond')
        end as _raw_at,
        _deleted_at is null as _live,
        false as _inferred,
        true as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from landing_sold.items
),

arrived as (
    select
        *,
        null::bigint as _seen,
        null::bigint as _inferred_key,
        _known_from < _raw_at as _was_inferred,
        false as _was_deleted
    from observed
),

judged as (
    select
        *,
        false as _withdrawn,
        false as _is_judge,
        false as _is_judged
    from arrived
),
counted as (
    select
        id,
        sizes,
        _key,
        _known_to,
        _raw_at,
        _live,
        _batch_id,
        _seq,
        _inferred_key,
        _was_inferred,
        _was_deleted,
        _withdrawn,
        _is_judge,
        _is_judged
    from judged
    window whole as (partition by id)
),

placed as (
    select
        *,
        _raw_at as _at
    from counted
),
ranked as (
    select
        id,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _inferred_key,
        _withdrawn,
        bool_or(_was_inferred) over instant as _was_inferred,
        row_number() over instant as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        case
            when _withdrawn then '-infinity'
            when _is_judge then max(_at) filter (where not _withdrawn and _is_judged) over whole
            else _at
        end as _told_at
    from placed
    where _live or _at is not null
    window
        whole as (partition by id),
        instant as (
            partition by id, _at, _live order by _batch_id desc, _seq desc
            rows between unbounded preceding and unbounded following
        )
),

told as (
    select *
    from ranked
),
compared as (
    select
        id,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        bool_or(_was_inferred) over timeline as _was_inferred,
        (
            _live is distinct from lag(_live) over timeline
            or _live and (sizes is distinct from lag(sizes) over timeline)
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (
        partition by id order by _at, _live
        rows between unbounded preceding and unbounded following
    )
),
continued as (
    select
        *,
        case
            when _instant_key is not null then _instant_key
            when not lead(_starts) over timeline then lead(_instant_key) over timeline
        end as _version_key,
        case
            when _instant_key is not null then _at
            when not lead(_starts) over timeline then lead(_at) over timeline
        end as _version_at,
        case
            when _instant_key is not null then _instant_to
            when not lead(_starts) over timeline then lead(_instant_to) over timeline
        end as _version_to,
        not _starts
        and _instant_key is not null
        and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
            as _is_superseded
    from compared
    window timeline as (
        partition by id, _starts or _instant_key is not null order by _at, _live
    )
),
bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        case
            when lead(_live) over timeline then lead(_at) over timeline
            else lead(_at, 2) over timeline
        end as _next_version_at,
        count(*) filter (where _live) over timeline = 1 as _is_first
    from continued
    window timeline as (partition by id, _starts order by _at, _live)
)

select
    id,
    sizes,
    _at as changed_at,
    case
        when not _starts then null
        when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
        else _at
    end as valid_from,
    case when _starts then coalesce(_next_at, timestamptz '2025-01-01Z') end as valid_to,
    case when _starts then _next_at is null end as is_current,
    case when _starts then coalesce(not _next_live, false) end as is_deleted,
    _batch_id,
    _seq,
    case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
    case when _starts and not _next_live then _next_seq end as _deleted_seq,
    case
        when _starts then 'version'
        when _is_superseded then 'superseded'
        else 'confirmation'
    end as _role,
    case
        when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
        when _is_superseded then _instant_key
    end as _key,
    case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
    case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
    case
        when _starts
            then _version_key is null
                or _at < _version_at
                or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to
    end as _grew,
    case when _starts then _version_to = timestamptz '2025-01-01Z'
    and _next_at is not null end as _closes,
    not _starts as _confirms
from bounded
where _live;

-- rebuild
with observed as (
    select
        tag,
        part,
        v,
        sizes,
        _key,
        _known_from,
        _known_to,
        _raw_at,
        _live,
        _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from landing."things.known"
    union all
    select
        tag,
        part,
        v,
        sizes,
        null as _key,
        null as _known_from,
        null as _known_to,
        case
            when _deleted_at is null then (at at time zone 'Europe/Berlin')
            when false or (at at time zone 'Europe/Berlin') > _extracted_at then _deleted_at
            else greatest(_deleted_at, (at at time zone 'Europe/Berlin') + interval '1 microsecond')
        end as _raw_at,
        _deleted_at is null as _live,
        false as _inferred,
        true as _incoming,
        _extracted_at as _clock,
        _batch_id,
        _seq
    from landing.things
),

summed_up as (
    select
        *,
        max(_batch_id) filter (where not _incoming and not _inferred) over whole as _seen,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred,
        bool_or(not _live) over whole as _was_deleted
    from observed
    window whole as (
        partition by tag, part order by _raw_at, _live, _batch_id desc, _seq desc
        rows between unbounded preceding and unbounded following
    )
),
arrived as (
    select *
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
),

clocked as (
    select
        *,
        min(_clock) filter (where _live) over later as _shown_at,
        min(_clock) over later as _judged_at,
        lag(_raw_at) over arrival > _clock as _judges,
        row_number() over arrival as _place
    from arrived
    window
        arrival as (partition by tag, part order by _batch_id, _seq, _live desc),
        later as (
            partition by tag, part order by _batch_id desc, _seq desc, _live
            rows between unbounded preceding and 1 preceding
        )
),

judged as (
    select
        *,
        coalesce(
            case when _live then _raw_at else _raw_at - interval '1 microsecond' end > _shown_at
            or _live
            and _raw_at > _judged_at
            and bool_or(_live and (_raw_at > _shown_at) is not true) over earlier,
            false
        ) as _withdrawn,
        _place = max(_place) filter (where _judges) over whole as _is_judge,
        _place <= max(_place) filter (where _judges) over whole as _is_judged
    from clocked
    window
        whole as (partition by tag, part),
        earlier as (
            partition by tag, part order by _batch_id, _seq, _live desc
            rows between unbounded preceding and 1 preceding
        )
),
counted as (
    select
        tag,
        part,
        v,
        sizes,
        _key,
        _known_to,
        _raw_at,
        _live,
        _batch_id,
        _seq,
        _inferred_key,
        _was_inferred,
        _was_deleted,
        _withdrawn,
        _is_judge,
        _is_judged
    from judged
    window whole as (partition by tag, part)
),

placed as (
    select
        *,
        _raw_at as _at
    from counted
),
ranked as (
    select
        tag,
        part,
        v,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _key,
        _inferred_key,
        _withdrawn,
        bool_or(_was_inferred) over instant as _was_inferred,
        row_number() over instant as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        case
            when _withdrawn then '-infinity'
            when _is_judge then max(_at) filter (where not _withdrawn and _is_judged) over whole
            else _at
        end as _told_at
    from placed
    where _live or _at is not null
    window
        whole as (partition by tag, part),
        instant as (
            partition by tag, part, _at, _live order by _withdrawn, _batch_id desc, _seq desc
            rows between unbounded preceding and unbounded following
        )
),

told as (
    select
        tag,
        part,
        v,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _rank
    from ranked
    window whole as (
        partition by tag, part order by _told_at, _live, _batch_id, _seq
        rows between unbounded preceding and unbounded following
    )
),
compared as (
    select
        tag,
        part,
        v,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        bool_or(_was_inferred) over timeline as _was_inferred,
        (
            _live is distinct from lag(_live) over timeline
            or _live
            and (
                v is distinct from lag(v) over timeline
                or sizes is distinct from lag(sizes) over timeline
            )
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (
        partition by tag, part order by _at, _live
        rows between unbounded preceding and unbounded following
    )
),
continued as (
    select
        *,
        case
            when _instant_key is not null then _instant_key
            when not lead(_starts) over timeline then lead(_instant_key) over timeline
        end as _version_key,
        case
            when _instant_key is not null then _at
            when not lead(_starts) over timeline then lead(_at) over timeline
        end as _version_at,
        case
            when _instant_key is not null then _instant_to
            when not lead(_starts) over timeline then lead(_instant_to) over timeline
        end as _version_to,
        not _starts
        and _instant_key is not null
        and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
            as _is_superseded
    from compared
    window timeline as (
        partition by tag, part, _starts or _instant_key is not null order by _at, _live
    )
),
bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        case
            when lead(_live) over timeline then lead(_at) over timeline
            else lead(_at, 2) over timeline
        end as _next_version_at,
        count(*) filter (where _live) over timeline = 1 as _is_first
    from continued
    window timeline as (partition by tag, part, _starts order by _at, _live)
)

select
    tag,
    part,
    v,
    sizes,
    _at as changed_at,
    case
        when not _starts then null
        when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
        else _at
    end as valid_from,
    case when _starts then coalesce(_next_at, timestamptz '2025-01-01Z') end as valid_to,
    case when _starts then _next_at is null end as is_current,
    case when _starts then coalesce(not _next_live, false) end as is_deleted,
    _batch_id,
    _seq,
    case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
    case when _starts and not _next_live then _next_seq end as _deleted_seq,
    case
        when _starts then 'version'
        when _is_superseded then 'superseded'
        else 'confirmation'
    end as _role,
    case
        when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
        when _is_superseded then _instant_key
    end as _key,
    case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
    case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
    case
        when _starts
            then _version_key is null
                or _at < _version_at
                or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to
    end as _grew,
    case when _starts then _version_to = timestamptz '2025-01-01Z'
    and _next_at is not null end as _closes,
    not _starts as _confirms
from bounded
where _live;

-- rebuild
with shown as (
    select distinct on (id, at)
        id,
        sizes,
        at as _at,
        true as _live,
        _batch_id,
        _seq
    from landed
    where _deleted_at is null
    order by id, at, at desc, n desc
),

observed as (
    select
        id,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        null::bigint as _key,
        null::timestamptz as _known_from,
        null::timestamptz as _known_to,
        false as _inferred,
        false as _withdrawn
    from shown
    union all
    select
        id,
        sizes,
        _raw_at as _at,
        true as _live,
        _batch_id,
        _seq,
        _key,
        _known_from,
        _known_to,
        _inferred,
        true as _withdrawn
    from known
    where _live
),

summed_up as (
    select
        *,
        row_number() over (instant order by _withdrawn) as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        max(_key) filter (where _inferred) over whole as _inferred_key,
        bool_or(_inferred or _known_from < _at) over whole as _was_inferred
    from observed
    window
        whole as (partition by id),
        instant as (partition by id, _inferred, _at, _live)
),
ranked as (
    select
        *,
        case when _withdrawn or not _live then '-infinity' else _at end as _told_at
    from summed_up
    where not _inferred
),

told as (
    select
        id,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _rank
    from ranked
    window whole as (
        partition by id order by _told_at, _live, _batch_id, _seq
        rows between unbounded preceding and unbounded following
    )
),
compared as (
    select
        id,
        sizes,
        _at,
        _live,
        _batch_id,
        _seq,
        _instant_key,
        _instant_to,
        _inferred_key,
        bool_or(_was_inferred) over timeline as _was_inferred,
        (
            _live is distinct from lag(_live) over timeline
            or _live and (sizes is distinct from lag(sizes) over timeline)
        ) as _starts
    from told
    where _rank = 1 and not _withdrawn
    window timeline as (
        partition by id order by _at, _live
        rows between unbounded preceding and unbounded following
    )
),
continued as (
    select
        *,
        case
            when _instant_key is not null then _instant_key
            when not lead(_starts) over timeline then lead(_instant_key) over timeline
        end as _version_key,
        case
            when _instant_key is not null then _at
            when not lead(_starts) over timeline then lead(_at) over timeline
        end as _version_at,
        case
            when _instant_key is not null then _instant_to
            when not lead(_starts) over timeline then lead(_instant_to) over timeline
        end as _version_to,
        not _starts
        and _instant_key is not null
        and (not lag(_starts) over timeline or lag(_instant_key) over timeline is not null)
            as _is_superseded
    from compared
    window timeline as (
        partition by id, _starts or _instant_key is not null order by _at, _live
    )
),
bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        case
            when lead(_live) over timeline then lead(_at) over timeline
            else lead(_at, 2) over timeline
        end as _next_version_at,
        count(*) filter (where _live) over timeline = 1 as _is_first
    from continued
    window timeline as (partition by id, _starts order by _at, _live)
)

select
    id,
    sizes,
    _at as changed_at,
    case
        when not _starts then null
        when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
        else _at
    end as valid_from,
    case when _starts then coalesce(_next_at, timestamptz '2025-01-01Z') end as valid_to,
    case when _starts then _next_at is null end as is_current,
    case when _starts then coalesce(not _next_live, false) end as is_deleted,
    _batch_id,
    _seq,
    case when _starts and not _next_live then _next_batch_id end as _deleted_batch_id,
    case when _starts and not _next_live then _next_seq end as _deleted_seq,
    case
        when _starts then 'version'
        when _is_superseded then 'superseded'
        else 'confirmation'
    end as _role,
    case
        when _starts then coalesce(_version_key, case when _is_first then _inferred_key end)
        when _is_superseded then _instant_key
    end as _key,
    case when _starts then case when _is_first then '-infinity' else _at end end as _cover_from,
    case when _starts then coalesce(_next_version_at, 'infinity') end as _cover_to,
    case
        when _starts
            then _version_key is null
                or _at < _version_at
                or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to
    end as _grew,
    case when _starts then _version_to = timestamptz '2025-01-01Z'
    and _next_at is not null end as _closes,
    not _starts as _confirms
from bounded
where _live;

-- removed
select
    id,
    sizes,
    _at as changed_at,
    null as valid_from,
    null as valid_to,
    null as is_current,
    null as is_deleted,
    _batch_id,
    _seq,
    null as _deleted_batch_id,
    null as _deleted_seq,
    case when _rank = 1 and _instant_key is not null then 'superseded' else 'withdrawn' end
        as _role,
    case when _rank = 1 then _instant_key end as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes,
    false as _confirms
from ranked
where _withdrawn and (_rank = 1 or _key is null);

-- take_over
insert into landing_sold."states.timeline" (id, valid_from, _role, _cover_from, _cover_to, _grew)
select
    d.id,
    d.valid_from,
    'version',
    '-infinity',
    'infinity',
    true
from (select distinct id from landing_sold."states.timeline" where _role = 'superseded') as t
inner join sold.dim_states as d on t.id = d.id
left join landing_sold."states.timeline" as v on v._role = 'version' and t.id = v.id
where d.is_inferred and v._role is null;

-- update
update public.dwh_dim_customers as d
set (
    segment,
    city,
    country,
    customer_name,
    email,
    phone,
    country_code,
    valid_from,
    valid_to,
    is_current,
    is_deleted,
    changed_at,
    _batch_id,
    _seq,
    _deleted_batch_id,
    _deleted_seq,
    is_inferred
) = (
    t.segment,
    t.city,
    t.country,
    t.customer_name,
    t.email,
    t.phone,
    t.country_code,
    t.valid_from,
    t.valid_to,
    t.is_current,
    t.is_deleted,
    t.changed_at,
    t._batch_id,
    t._seq,
    t._deleted_batch_id,
    t._deleted_seq,
    false
)
from (
    select
        t._key,
        t.segment,
        t.city,
        t.country,
        t.customer_name,
        t.email,
        t.phone,
        t.country_code,
        t.valid_from,
        t.valid_to,
        t.is_current,
        t.is_deleted,
        t.changed_at,
        t._batch_id,
        t._seq,
        t._deleted_batch_id,
        t._deleted_seq
    from landing."customers.timeline" as t
    where t._role = 'version'
) as t
where
    d.customer_key = t._key
    and (
        (
            d.segment is distinct from t.segment
            or d.city is distinct from t.city
            or d.country is distinct from t.country
            or d.customer_name is distinct from t.customer_name
            or d.email is distinct from t.email
            or d.phone is distinct from t.phone
            or d.country_code is distinct from t.country_code
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
        or d.is_inferred
    );

-- withdraw_confirmations
delete from landing."customers.confirmed" as c
using landing."customers.timeline" as t
where
    t._role in ('superseded', 'withdrawn')
    and t.customer_id = c.customer_id
    and c.confirmed_at = t.changed_at;
