-- reserved in: key, staged

-- Which MRR key holds which STG row.
--
-- {landing}   l: the rows as they came, with MRR's keys; numbered in _first_batch_id
-- {cleaned}   c: the same as the cleansing view returns them; _landed is the number of the landed row
-- {mirror}    m: STG's table
-- {key}       the key's columns; {stored} have their type in {mirror}, {alike} and {unlike} are
--             those whose types are the same in {landing} and there, and the others
--
-- In {cleaned}, _mrr_key, _stg_key and _held are null in a row whose key is as MRR has it and that no
-- other row wants. Mostly these are all rows.

-- One pass over the rows finds out what there is to do: rows that come from no landed row, keys that
-- the view changed, landed rows of which it made several, and whether a batch shows versions in an
-- order. It also asks whether there are claims, refused rows, and open rejects.
-- name: examine
select
    count(*) filter (where l._first_batch_id is null),
    count(*) filter (
        where ({l.alike = c.alike} and {l.unlike::text = c.unlike_stored::text}) is not true
    ),
    count(*) - count(distinct c._landed),
    coalesce(bool_or(c._seq <> 0), false),
    exists (select from tidemark.key_claim as k where k.area = {area} and k.entity = {entity}),
    exists (select from {cleaned} where reject_reasons <> '{{}}' and _deleted_at is null),
    exists (
        select from stg_rejects as r
        where r.area = {area} and r.entity = {entity} and r.resolved_at is null
    )
from {cleaned} as c
left join {landing} as l on c._landed = l._first_batch_id
where c._landed is null or c._landed > {last}

-- name: refuse_repeated
update {cleaned}
set reject_reasons = reject_reasons || 'key occurs more than once in a batch'::text
where _landed in (select r._landed from {cleaned} as r group by r._landed having count(*) > 1)

-- Of a deleted row of which the view made several, one is enough to delete its key.
-- name: forget_repeated_deletes
delete from {cleaned} as c
using {cleaned} as d
where c._landed = d._landed and c._deleted_at is not null and c.ctid > d.ctid

-- name: mark
update {cleaned} as c
set
    _mrr_key = jsonb_build_object({'key', l.key}),
    _stg_key = jsonb_build_object({'key', c.stored}),
    _is_own = ({l.alike = c.alike} and {l.unlike::text = c.unlike_stored::text}) is true
from {landing} as l
where c._landed = l._first_batch_id and c._mrr_key is null and ({condition})

-- name: is_changed
({l.alike = c.alike} and {l.unlike::text = c.unlike_stored::text}) is not true

-- name: is_claimed
({l.alike = c.alike} and {l.unlike::text = c.unlike_stored::text}) is not true
or jsonb_build_object({'key', l.key}) in (
    select k.mrr_key from tidemark.key_claim as k where k.area = {area} and k.entity = {entity}
)
or jsonb_build_object({'key', c.stored}) in (
    select k.stg_key from tidemark.key_claim as k where k.area = {area} and k.entity = {entity}
)

-- A row whose key a marked row wants too: the two have to be judged together.
-- name: is_rival
({c.key}) in (select {key} from {cleaned} where _mrr_key is not null)

-- The STG row that each of these MRR keys holds so far, and whether the batch frees it: the MRR row is
-- deleted, or is good under another key now. A row that cleansing refuses keeps what it holds.
-- name: hold
update {cleaned} as c
set
    _held = h.stg_key,
    _frees = {is_judged}
    and (c._deleted_at is not null or c.reject_reasons = '{{}}' and c._stg_key <> h.stg_key)
from (
    select
        k.mrr_key,
        k.stg_key
    from tidemark.key_claim as k
    where k.area = {area} and k.entity = {entity} and k.holds
    union all
    select
        c._mrr_key,
        jsonb_build_object({'key', m.key})
    from {cleaned} as c
    inner join {landing} as l on c._landed = l._first_batch_id
    inner join {mirror} as m on {m.key = l_as_stored} and {m.unlike::text = l.unlike::text}
    where
        c._mrr_key is not null
        and m._deleted_at is null
        and not exists (
            select
            from tidemark.key_claim as k
            where
                k.area = {area} and k.entity = {entity}
                and k.holds
                and (k.mrr_key = c._mrr_key or k.stg_key = jsonb_build_object({'key', m.key}))
    )
) as h
where c._mrr_key = h.mrr_key

-- name: last_number
select coalesce(max(_first_batch_id), 0) from {landing}

-- Rows that wait for a key which this batch frees land again, as if the batch had brought them. They
-- come from the claim, which keeps them as text: MRR does not send them again.
-- name: wake
insert into {landing} ({landed}, _batch_id, _seq, _first_batch_id, _extracted_at)
select
    {(k.row_data ->> 'landed')::landed_types},
    b._batch_id,
    b._seq,
    {last} + row_number() over (),
    b._extracted_at
from tidemark.key_claim as k
cross join (
    select
        max(_batch_id) as _batch_id,
        max(_seq) as _seq,
        max(_extracted_at) as _extracted_at
    from {cleaned}
) as b
where
    k.area = {area} and k.entity = {entity}
    and not k.holds
    and k.stg_key in (
        select c._held
        from {cleaned} as c
        where c._frees
    )
    and not exists (
        select
        from {cleaned} as c
        where c._mrr_key = k.mrr_key
    )

-- A STG key belongs to the MRR key that holds it and does not free it, else to the smallest of those
-- that want it. One pass is enough, however long a chain of keys is: which keys become free is known
-- beforehand (`hold`), and whether a row gets the key that it wants frees no further one (decision 6).
-- name: decide
update {cleaned} as c
set
    _taken_by = w.mrr_key,
    reject_reasons = array['key is taken by ' || concat_ws(', ', {w.mrr_key ->> 'key'})]
from (
    select
        w.stg_key,
        case
            -- Not `exists`, for which PostgreSQL may scan the table once for each row.
            when w.stg_key in (select f._held from {cleaned} as f where f._frees) then w.mrr_key
            else coalesce(
                (
                    select k.mrr_key
                    from tidemark.key_claim as k
                    where
                        k.area = {area}
                        and k.entity = {entity}
                        and k.holds
                        and k.stg_key = w.stg_key
                ),
                (
                    select jsonb_build_object({'key', m_as_landed})
                    from {mirror} as m
                    where {m.key = w.key} and m._deleted_at is null and {is_known}
                ),
                w.mrr_key
            )
        end as mrr_key
    from (
        select distinct on (c._stg_key)
            c._stg_key as stg_key,
            c._mrr_key as mrr_key,
            {c.key}
        from {cleaned} as c
        inner join {landing} as l on c._landed = l._first_batch_id
        where
            c._mrr_key is not null
            and c._deleted_at is null
            and c.reject_reasons = '{{}}'
            and {is_judged}
        order by c._stg_key, {l.key}
    ) as w
) as w
where
    c._stg_key = w.stg_key
    and c._mrr_key <> w.mrr_key
    and c._deleted_at is null
    and c.reject_reasons = '{{}}'
    and {is_judged}

-- A row that takes a key over may have changed long before. It was not in force then: so its effective
-- time is raised to that of the takeover, which the claim keeps for its later versions.
-- name: take_effect
update {cleaned} as c
set
    _since = n.since,
    {effective} = greatest(c.{effective}, {since})
from (
    select
        n._landed,
        greatest(
            coalesce(f._deleted_at, f._extracted_at), {held_at} + interval '1 microsecond'
        ) as since
    from {cleaned} as f
    inner join {cleaned} as n on f._held = n._stg_key and f._mrr_key <> n._mrr_key
    cross join lateral jsonb_populate_record(null::{mirror}, f._held) as h
    inner join {mirror} as m on {m.key = h.key}
    where f._frees
    union all
    select
        n._landed,
        k.since
    from tidemark.key_claim as k
    inner join {cleaned} as n on k.mrr_key = n._mrr_key and k.stg_key = n._stg_key
    where k.area = {area} and k.entity = {entity} and k.holds and k.since is not null
) as n
where c._landed = n._landed and c._deleted_at is null and c.reject_reasons = '{{}}'

-- STG rows that their MRR key has given up and no other one has taken over: the batch deletes them.
-- name: delete_unheld
insert into {cleaned} ({key}, _batch_id, _seq, _extracted_at, _deleted_at, reject_reasons)
select
    {m.key},
    c._batch_id,
    c._seq,
    c._extracted_at,
    coalesce(c._deleted_at, c._extracted_at),
    '{{}}'
from {cleaned} as c
cross join lateral jsonb_populate_record(null::{mirror}, c._held) as h
inner join {mirror} as m on {m.key = h.key}
where
    c._frees
    and m._deleted_at is null
    and not exists (
        select
        from {cleaned} as n
        where n._stg_key = c._held and n._deleted_at is null and n.reject_reasons = '{{}}'
    )

-- name: release
delete from tidemark.key_claim as k
using {cleaned} as c
where
    k.area = {area} and k.entity = {entity}
    and k.mrr_key = c._mrr_key
    and (
        not k.holds
        or c._deleted_at is not null
        or c._taken_by is not null
        or c.reject_reasons = '{{}}' and k.stg_key <> c._stg_key
    )

-- name: claim
insert into tidemark.key_claim as k (area, entity, mrr_key, stg_key, holds, since, row_data)
select
    {area},
    {entity},
    c._mrr_key,
    c._stg_key,
    c._taken_by is null,
    c._since,
    case
        when c._taken_by is not null
            then jsonb_object(array[{'landed'}]::text[], array[{l.landed::text}]::text[])
    end
from {cleaned} as c
inner join {landing} as l on c._landed = l._first_batch_id
where
    c._deleted_at is null
    and (
        c._taken_by is not null
        or c.reject_reasons = '{{}}' and (not c._is_own or c._since is not null)
    )
on conflict (area, entity, mrr_key) do nothing

-- name: claim_what_others_want
insert into tidemark.key_claim as k (area, entity, mrr_key, stg_key, holds)
select distinct
    {area},
    {entity},
    c._taken_by,
    c._stg_key,
    true
from {cleaned} as c
where c._taken_by is not null
on conflict (area, entity, mrr_key) do nothing

-- name: forget
delete from tidemark.key_claim as k
where k.area = {area} and k.entity = {entity}

-- name: forget_holders
delete from tidemark.key_claim as k
using {keys} as g
where
    k.area = {area}
    and k.entity = {entity}
    and k.holds
    and k.stg_key = jsonb_build_object({'key', g.stored})

-- A key whose row is gone from MRR no longer waits.
-- name: forget_waiting
delete from tidemark.key_claim as k
where
    k.area = {area} and k.entity = {entity}
    and not k.holds
    and (
        select jsonb_agg(k.mrr_key ->> c.name order by c.position)
        from unnest(%(columns)s::text[]) with ordinality as c (name, position)
    ) in (select g.value from jsonb_array_elements(%(keys)s::jsonb) as g)

-- name: are_unknown
select exists (
    select
    from tidemark.claims_unknown
    where area = %(area)s
) as are_unknown

-- name: are_known
delete from tidemark.claims_unknown
where area = {area}

-- In older versions of Tidemark, rejects had the key that cleansing made.
-- name: rename_rejects
update stg_rejects as r
set key = n.mrr_key
from (
    select distinct on (n.stg_key)
        n.mrr_key,
        n.stg_key
    from (
        select
            jsonb_build_object({'key', l.key}) as mrr_key,
            jsonb_build_object({'key', c.key}) as stg_key
        from {cleaned} as c
        inner join {landing} as l on c._landed = l._first_batch_id
        where c.reject_reasons <> '{{}}'
    ) as n
    where n.mrr_key <> n.stg_key
    order by n.stg_key, n.mrr_key
) as n
where
    r.area = {area}
    and r.entity = {entity}
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
    )

-- name: keep_marked
delete from {cleaned}
where _mrr_key is null

-- The MRR keys of claimed STG keys.
-- name: origins
select
    array[{g.key::text}],
    array[{l.key::text}]
from {keys} as g
inner join (
    select
        k.mrr_key,
        k.stg_key
    from tidemark.key_claim as k
    where k.area = {area} and k.entity = {entity} and k.holds
    union
    select
        c._mrr_key,
        c._stg_key
    from {cleaned} as c
    where c._mrr_key is not null and c.reject_reasons = '{{}}'
) as k on k.stg_key = jsonb_build_object({'key', g.stored})
cross join lateral jsonb_populate_record(null::{landing}, k.mrr_key) as l

-- Null if the other type has no such value: then it equals no key there.
-- name: converted
case when pg_input_is_valid({value}::text, {kind}) then {value}::text::{type} end
