-- bound
with bounded as (
    select
        *,
        lead(_at) over timeline as _next_at,
        lead(_live) over timeline as _next_live,
        lead(_batch_id) over timeline as _next_batch_id,
        lead(_seq) over timeline as _next_seq,
        count(*) filter (where _live) over timeline = 1 as _is_first,
        min(_at) filter (where _live) over (
            partition by customer_id order by _at, _live
            rows between 1 following and unbounded following
        ) as _next_version_at
    from landing."customers.segmented"
    where _starts
    window timeline as (partition by customer_id order by _at, _live)
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
        when _is_first and (true or _was_inferred) then least(_at, timestamptz '2025-01-01Z')
        else _at
    end as valid_from,
    coalesce(_next_at, timestamptz '2025-01-01Z') as valid_to,
    _next_at is null as is_current,
    coalesce(not _next_live, false) as is_deleted,
    _batch_id,
    _seq,
    case when not _next_live then _next_batch_id end as _deleted_batch_id,
    case when not _next_live then _next_seq end as _deleted_seq,
    'version' as _role,
    coalesce(_version_key, case when _is_first then _inferred_key end) as _key,
    case when _is_first then '-infinity' else _at end as _cover_from,
    coalesce(_next_version_at, 'infinity') as _cover_to,
    _version_key is null
    or _at < _version_at
    or coalesce(_next_at, timestamptz '2025-01-01Z') > _version_to as _grew,
    _version_to = timestamptz '2025-01-01Z' and _next_at is not null as _closes
from bounded
where _live
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
    _at as changed_at,
    null as valid_from,
    null as valid_to,
    null as is_current,
    null as is_deleted,
    _batch_id,
    _seq,
    null as _deleted_batch_id,
    null as _deleted_seq,
    'confirmation' as _role,
    null as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes
from landing."customers.segmented"
where _live and not _starts
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
    _at as changed_at,
    null as valid_from,
    null as valid_to,
    null as is_current,
    null as is_deleted,
    _batch_id,
    _seq,
    null as _deleted_batch_id,
    null as _deleted_seq,
    'superseded' as _role,
    _instant_key as _key,
    null as _cover_from,
    null as _cover_to,
    null as _grew,
    null as _closes
from landing."customers.segmented"
where _instant_key <> _version_key;

-- confirm
insert into landing."customers.confirmed" (customer_id, confirmed_at, _batch_id, _seq)
select
    t.customer_id,
    t.changed_at,
    t._batch_id,
    t._seq
from landing."customers.timeline" as t
where t._role = 'confirmation' and not exists (
    select from landing."customers.confirmed" as c
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
using landing."customers.timeline" as t
where d.customer_key = t._key and t._role = 'superseded';

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
    not exists (select from public.dwh_dim_customers where customer_key <> 0)
    and not exists (
        select from landing.customers
        where _deleted_at is not null or _batch_id is distinct from _first_batch_id or _seq <> 0
    );

-- place
with known as (
    select
        d.customer_id,
        d.segment,
        d.city,
        d.country,
        d.customer_name,
        d.email,
        d.phone,
        d.country_code,
        d.customer_key as _key,
        d.changed_at,
        d.valid_from,
        d.valid_to,
        d.is_deleted,
        d.is_inferred,
        d._batch_id,
        d._seq,
        d._deleted_batch_id,
        d._deleted_seq
    from (select distinct customer_id from landing.customers) as l
    inner join landing."customers.rebuilt" as d on l.customer_id = d.customer_id
),

observed as (
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
        valid_from as _known_from,
        valid_to as _known_to,
        changed_at as _raw_at,
        true as _live,
        is_inferred as _inferred,
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
        valid_to as _raw_at,
        false as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        _deleted_batch_id as _batch_id,
        _deleted_seq as _seq
    from known
    where is_deleted
    union all
    select
        k.customer_id,
        k.segment,
        k.city,
        k.country,
        k.customer_name,
        k.email,
        k.phone,
        k.country_code,
        null as _key,
        null as _known_from,
        null as _known_to,
        c.confirmed_at as _raw_at,
        true as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        c._batch_id,
        c._seq
    from known as k
    inner join landing."customers.confirmed" as c
        on k.customer_id = c.customer_id
        and c.confirmed_at >= k.changed_at
        and c.confirmed_at < k.valid_to
    where not k.is_inferred
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
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred
    from observed
    window whole as (partition by customer_id)
),
arrived as (
    select
        *,
        row_number() over (partition by customer_id order by _batch_id, _seq, _live desc) as _place
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
),

judged as (
    select
        *,
        false as _withdrawn,
        null::bigint as _judge
    from arrived
),
remaining as (
    select
        *,
        not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
    from judged
    window arrival as (partition by customer_id, _withdrawn order by _batch_id, _seq, _live desc)
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
        _place,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _judge,
        _deletes,
        interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
    from remaining
    window
        whole as (partition by customer_id),
        arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
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
    from counted
    window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
),
placed as (
    select
        *,
        case
            when not _live or max(_deleted_at) over arrival > _raw_at
                then max(_deleted_at) over arrival
            else _raw_at
        end as _at
    from deletes_placed
    window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
),
ranked as (
    select
        *,
        row_number() over (instant order by _withdrawn, _place desc) as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        null::timestamptz as _judged_to
    from placed
    where _live or _at is not null
    window
        instant as (partition by customer_id, _at, _live),
        whole as (partition by customer_id)
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
    _at,
    case
        when _withdrawn then '-infinity'
        when _place = _judge then _judged_to
        else _at
    end as _told_at,
    _live,
    _batch_id,
    _seq,
    _place,
    _key,
    _instant_key,
    _instant_to,
    _inferred_key,
    _was_inferred,
    _withdrawn,
    _rank
from ranked;

-- place
with known as (
    select
        d.tag,
        d.part,
        d.v,
        d.sizes,
        d.thing_key as _key,
        d.changed_at,
        d.valid_from,
        d.valid_to,
        d.is_deleted,
        d.is_inferred,
        d._batch_id,
        d._seq,
        d._deleted_batch_id,
        d._deleted_seq
    from (select distinct tag, part from landing.things) as l
    inner join public.dim_things as d on l.tag = d.tag and l.part = d.part
),

observed as (
    select
        tag,
        part,
        v,
        sizes,
        _key,
        valid_from as _known_from,
        valid_to as _known_to,
        changed_at as _raw_at,
        true as _live,
        is_inferred as _inferred,
        false as _incoming,
        null::timestamptz as _clock,
        _batch_id,
        _seq
    from known
    union all
    select
        tag,
        part,
        v,
        sizes,
        null as _key,
        null as _known_from,
        null as _known_to,
        valid_to as _raw_at,
        false as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        _deleted_batch_id as _batch_id,
        _deleted_seq as _seq
    from known
    where is_deleted
    union all
    select
        k.tag,
        k.part,
        k.v,
        k.sizes,
        null as _key,
        null as _known_from,
        null as _known_to,
        c.confirmed_at as _raw_at,
        true as _live,
        false as _inferred,
        false as _incoming,
        null as _clock,
        c._batch_id,
        c._seq
    from known as k
    inner join tidemark.dim_things_confirmed as c
        on k.tag = c.tag
        and k.part = c.part
        and c.confirmed_at >= k.changed_at
        and c.confirmed_at < k.valid_to
    where not k.is_inferred
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
        bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred
    from observed
    window whole as (partition by tag, part)
),
arrived as (
    select
        *,
        row_number() over (partition by tag, part order by _batch_id, _seq, _live desc) as _place
    from summed_up
    where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
),

clocked as (
    select
        *,
        min(_clock) filter (where _live) over later as _shown_at,
        min(_clock) over later as _judged_at,
        lag(_raw_at) over arrival > _clock as _judges
    from arrived
    window
        arrival as (partition by tag, part order by _batch_id, _seq, _live desc),
        later as (
            partition by tag, part order by _place desc
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
        max(_place) filter (where _judges) over (partition by tag, part) as _judge
    from clocked
    window earlier as (
        partition by tag, part order by _batch_id, _seq, _live desc
        rows between unbounded preceding and 1 preceding
    )
),
remaining as (
    select
        *,
        not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
    from judged
    window arrival as (partition by tag, part, _withdrawn order by _batch_id, _seq, _live desc)
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
        _place,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _judge,
        _deletes,
        interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
    from remaining
    window
        whole as (partition by tag, part),
        arrival as (partition by tag, part order by _batch_id, _seq, _live desc)
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
    from counted
    window arrival as (partition by tag, part order by _batch_id, _seq, _live desc)
),
placed as (
    select
        *,
        case
            when not _live or max(_deleted_at) over arrival > _raw_at
                then max(_deleted_at) over arrival
            else _raw_at
        end as _at
    from deletes_placed
    window arrival as (partition by tag, part order by _batch_id, _seq, _live desc)
),
ranked as (
    select
        *,
        row_number() over (instant order by _withdrawn, _place desc) as _rank,
        max(_key) over instant as _instant_key,
        max(_known_to) over instant as _instant_to,
        max(_at) filter (where not _withdrawn and _place <= _judge) over whole as _judged_to
    from placed
    where _live or _at is not null
    window
        instant as (partition by tag, part, _at, _live),
        whole as (partition by tag, part)
)
select
    tag,
    part,
    v,
    sizes,
    _at,
    case
        when _withdrawn then '-infinity'
        when _place = _judge then _judged_to
        else _at
    end as _told_at,
    _live,
    _batch_id,
    _seq,
    _place,
    _key,
    _instant_key,
    _instant_to,
    _inferred_key,
    _was_inferred,
    _withdrawn,
    _rank
from ranked;

-- place_observations
with shown as (
    select distinct on (id, at)
        id,
        sizes,
        at as _at,
        true as _live,
        _batch_id,
        _seq
    from landing_sold.states
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
        d.id,
        d.sizes,
        d.changed_at as _at,
        true as _live,
        d._batch_id,
        d._seq,
        d.state_key as _key,
        d.valid_from as _known_from,
        d.valid_to as _known_to,
        d.is_inferred as _inferred,
        true as _withdrawn
    from (select distinct id from landing_sold.states) as l
    inner join sold.dim_states as d on l.id = d.id
),

ranked as (
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
)
select
    id,
    sizes,
    _at,
    case when _withdrawn or not _live then '-infinity' else _at end as _told_at,
    _live,
    _batch_id,
    _seq,
    0::bigint as _place,
    _key,
    _instant_key,
    _instant_to,
    _inferred_key,
    coalesce(_was_inferred, false) as _was_inferred,
    _withdrawn,
    _rank
from ranked
where not _inferred;

-- segment
with told as (
    select
        customer_id,
        segment,
        city,
        country,
        last_value(customer_name) over whole as customer_name,
        last_value(email) over whole as email,
        last_value(phone) over whole as phone,
        country_code,
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
    from (with known as (
        select
            d.customer_id,
            d.segment,
            d.city,
            d.country,
            d.customer_name,
            d.email,
            d.phone,
            d.country_code,
            d.customer_key as _key,
            d.changed_at,
            d.valid_from,
            d.valid_to,
            d.is_deleted,
            d.is_inferred,
            d._batch_id,
            d._seq,
            d._deleted_batch_id,
            d._deleted_seq
        from (select distinct customer_id from landing.customers) as l
        inner join landing."customers.rebuilt" as d on l.customer_id = d.customer_id
    ),
    observed as (
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
            valid_from as _known_from,
            valid_to as _known_to,
            changed_at as _raw_at,
            true as _live,
            is_inferred as _inferred,
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
            valid_to as _raw_at,
            false as _live,
            false as _inferred,
            false as _incoming,
            null as _clock,
            _deleted_batch_id as _batch_id,
            _deleted_seq as _seq
        from known
        where is_deleted
        union all
        select
            k.customer_id,
            k.segment,
            k.city,
            k.country,
            k.customer_name,
            k.email,
            k.phone,
            k.country_code,
            null as _key,
            null as _known_from,
            null as _known_to,
            c.confirmed_at as _raw_at,
            true as _live,
            false as _inferred,
            false as _incoming,
            null as _clock,
            c._batch_id,
            c._seq
        from known as k
        inner join landing."customers.confirmed" as c
            on k.customer_id = c.customer_id
            and c.confirmed_at >= k.changed_at
            and c.confirmed_at < k.valid_to
        where not k.is_inferred
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
            bool_or(_inferred or _known_from < _raw_at) over whole as _was_inferred
        from observed
        window whole as (partition by customer_id)
    ),
    arrived as (
        select
            *,
            row_number() over (
                partition by customer_id order by _batch_id, _seq, _live desc
            ) as _place
        from summed_up
        where not _inferred and (not _incoming or _batch_id > coalesce(_seen, 0))
    ),
    judged as (
        select
            *,
            false as _withdrawn,
            null::bigint as _judge
        from arrived
    ),
    remaining as (
        select
            *,
            not _live and not _withdrawn and lag(_live, 1, false) over arrival as _deletes
        from judged
        window arrival as (
            partition by customer_id, _withdrawn order by _batch_id, _seq, _live desc
        )
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
            _place,
            _inferred_key,
            _was_inferred,
            _withdrawn,
            _judge,
            _deletes,
            interval '1 microsecond' * count(*) filter (where _deletes) over arrival as _ticks
        from remaining
        window
            whole as (partition by customer_id),
            arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
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
        from counted
        window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
    ),
    placed as (
        select
            *,
            case
                when not _live or max(_deleted_at) over arrival > _raw_at
                    then max(_deleted_at) over arrival
                else _raw_at
            end as _at
        from deletes_placed
        window arrival as (partition by customer_id order by _batch_id, _seq, _live desc)
    ),
    ranked as (
        select
            *,
            row_number() over (instant order by _withdrawn, _place desc) as _rank,
            max(_key) over instant as _instant_key,
            max(_known_to) over instant as _instant_to,
            null::timestamptz as _judged_to
        from placed
        where _live or _at is not null
        window
            instant as (partition by customer_id, _at, _live),
            whole as (partition by customer_id)
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
        _at,
        case
            when _withdrawn then '-infinity'
            when _place = _judge then _judged_to
            else _at
        end as _told_at,
        _live,
        _batch_id,
        _seq,
        _place,
        _key,
        _instant_key,
        _instant_to,
        _inferred_key,
        _was_inferred,
        _withdrawn,
        _rank
    from ranked) as p
    window whole as (
        partition by customer_id order by _at, _live, _place
        rows between unbounded preceding and unbounded following
    )
),
compared as (
    select
        *,
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
    window timeline as (partition by customer_id order by _at, _live)
),

numbered as (
    select
        *,
        count(*) filter (where _starts) over timeline as _segment
    from compared
    window timeline as (partition by customer_id order by _at, _live)
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
    _at,
    _live,
    _batch_id,
    _seq,
    _instant_key,
    _inferred_key,
    _was_inferred,
    _starts,
    first_value(_instant_key) over known_first as _version_key,
    first_value(_at) over known_first as _version_at,
    first_value(_instant_to) over known_first as _version_to
from numbered
window known_first as (partition by customer_id, _segment order by _instant_key is null, _at);

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
where
    d.is_inferred
    and not exists (
        select
        from landing_sold."states.timeline" as v
        where v._role = 'version' and v.id = d.id
    );

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
from landing."customers.timeline" as t
where
    d.customer_key = t._key
    and t._role = 'version'
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

-- withdraw
insert into landing_sold."states.timeline" (id, sizes, changed_at, _batch_id, _seq, _role, _key)
select
    id,
    sizes,
    _at,
    _batch_id,
    _seq,
    case when _rank = 1 and _instant_key is not null then 'superseded' else 'withdrawn' end,
    case when _rank = 1 then _instant_key end
from landing_sold."states.placed"
where _withdrawn and (_rank = 1 or _key is null);

-- withdraw_confirmations
delete from landing."customers.confirmed" as c
using landing."customers.timeline" as t
where
    t._role in ('superseded', 'withdrawn')
    and t.customer_id = c.customer_id
    and c.confirmed_at = t.changed_at;
