-- Rows that a view makes of other entities' rows.
--
-- {view}     v: the view derive_<entity>; {rk} and {rest} are its columns
-- {mirror}   m: the derived entity's mirror, or that of an input
-- {keys}     k: the derived keys that are made anew
-- {nk} {rk}  the entity's key, and that of its rows: of observations it has their place in time too

-- What the view may have read of an input before batches after `after`, and since: the rows that they
-- wrote, and the versions that they replaced.
-- name: changed
select {w.columns}
from {written} as w
union all
select {h.columns}
from {history} as h
where h._replaced_by > {after}

-- name: touched
select distinct {c.input as derived}
from (
{changed}
) as c

-- name: touched_by_query
with changed as (
{changed}
)

select distinct {q.input as derived}
from (
{query}
) as q

-- name: named
select {t.nk}
from ({touched}) as t

-- The rows that the view makes now of what was touched. `offset 0` keeps the planner from joining the
-- whole view with the few keys that were touched.
-- name: made_now
select {v.nk}
from ({touched}) as t
cross join lateral (
    select x.*
    from {view} as x
    where {x.by = t.by}
    offset 0
) as v

-- The rows that it made before.
-- name: made_before
select {m.nk}
from ({touched}) as t
inner join {mirror} as m on {m.by = t.by}
where m._deleted_at is null

-- name: refused_before
select {(r.key ->> 'nk')::nk_types}
from ({touched}) as t
inner join stg_rejects as r on {(r.key ->> 'by')::by_types = t.by}
where r.area = {area} and r.entity = {entity} and r.resolved_at is null

-- name: keys
select distinct {k.nk}
from (
{parts}
) as k
where num_nulls({k.nk}) = 0

-- name: some
select
    {v.rk},
    {v.rest},
    {reasons} as _reasons
from {keys} as k
cross join lateral (
    select x.*
    from {view} as x
    where {x.nk = k.nk}
    offset 0
) as v

-- name: all
select
    {v.rk},
    {v.rest},
    {reasons} as _reasons
from {view} as v
where num_nulls({v.nk}) = 0

-- name: all_keys
select {nk}
from {mirror}
where _deleted_at is null
union
select {(r.key ->> 'nk')::nk_types}
from stg_rejects as r
where r.area = {area} and r.entity = {entity} and r.resolved_at is null

-- Whether nothing was made yet, and nothing was refused.
-- name: is_first
select
    not exists (select from {mirror})
    and not exists (
        select
        from stg_rejects as r
        where r.area = {area} and r.entity = {entity} and r.resolved_at is null
    )

-- What is made where nothing was made before.
-- name: land_all
insert into {landing} (
    {rk},
    {rest},
    _reasons,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at
)
select
    {r.rk},
    {r.rest},
    r._reasons,
    {batch_id}::bigint as _batch_id,
    0::bigint as _seq,
    row_number() over () as _first_batch_id,
    {clock}::timestamptz as _extracted_at
from (
{made}
) as r

-- What is made, and a delete of each row or reject that is made no more. Each gets a number, as
-- landed rows do.
-- name: land
insert into {landing} (
    {rk},
    {rest},
    _reasons,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
with made as materialized (
{made}
)

select
    {r.rk},
    {r.rest},
    r._reasons,
    {batch_id}::bigint as _batch_id,
    0::bigint as _seq,
    row_number() over () as _first_batch_id,
    {clock}::timestamptz as _extracted_at,
    r._deleted_at
from (
    select
        {d.rk},
        {d.rest},
        d._reasons,
        null::timestamptz as _deleted_at
    from made as d
    union all
    select
        {g.rk},
        {m.rest},
        array[]::text[] as _reasons,
        {clock}::timestamptz as _deleted_at
    from (
        select {h.rk}
        from {keys} as k
        inner join {mirror} as h on {h.nk = k.nk}
        where h._deleted_at is null
        union
        {refused}
    ) as g
    left join {mirror} as m on {m.rk = g.rk}
    where not exists (
        select
        from made as d
        where {d.rk = g.rk}
    )
) as r

-- Open rejects of the keys.
-- name: refused_rows
select {k.nk}
from {keys} as k
inner join stg_rejects as r
    on
        r.area = {area}
        and r.entity = {entity}
        and r.key = jsonb_build_object({'nk', k.nk})
        and r.resolved_at is null

-- The same of observations, whose rejects have more than the key.
-- name: refused_observations
select {(r.key ->> 'rk')::rk_types}
from stg_rejects as r
inner join {keys} as k on {(r.key ->> 'nk')::nk_types = k.nk}
where r.area = {area} and r.entity = {entity} and r.resolved_at is null

-- How many observations have no place in time, and the first key that was made twice.
-- name: examine
select
    (
        select count(*)
        from {landing}
        where num_nulls({rk}) > 0
    ) as placeless,
    (
        select array[{rk::text}]
        from {landing}
        where num_nulls({rk}) = 0
        group by {rk}
        having count(*) > 1
        order by 1
        limit 1
    ) as repeated

-- name: leave_out
delete from {landing}
where num_nulls({rk}) > 0

-- name: clock
(
    select max(c._extracted_at)
    from (
{clocks}
    ) as c
)

-- name: clock_of
select max(w._extracted_at) as _extracted_at
from {written} as w
