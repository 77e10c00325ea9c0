-- reserved in: key

-- Rows that cleansing refused: opened, kept up to date, resolved.

-- A landed row, without its lineage columns.
-- name: row
(
    select to_jsonb(v.*)
    from (select {l.payload}) as v
)

-- The same of one that may hold what jsonb can't. To survive that, each row is a subtransaction, which
-- takes longer than to write it.
-- name: careful_row
tidemark.row_data(l.*)
- array['_batch_id', '_seq', '_first_batch_id', '_extracted_at', '_deleted_at']

-- {cleaned} has the cleansed rows, {landing} the rows as they came. A reject has MRR's key and row,
-- whatever the view makes of them.
-- name: open
insert into stg_rejects as r
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    %(area)s,
    %(entity)s,
    jsonb_build_object({'key', l.key}),
    {row},
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
    from {cleaned} as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c.reject_reasons <> '{{}}' and c._deleted_at is null
    group by c._landed
) as refused
inner join {landing} as l on refused._landed = l._first_batch_id

-- Where rejects are open, a row that is still refused belongs to its own. To look for it takes as long
-- as to write an index.
-- name: open_or_continue
{opened}
on conflict (area, entity, key, item) where resolved_at is null do update
set
    row_data = excluded.row_data,
    reasons = excluded.reasons,
    batch_id = excluded.batch_id,
    last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at)

-- The periods (stays) in which each key was refused, in the order of its versions. A stay begins after
-- a good version, and ends with the next one. Stay 0 comes before the first good version: it continues
-- the open reject, if there is one.
-- name: stays
with refused as (
    select
        c._landed,
        array_agg(distinct reason.reason order by reason.reason) as reasons
    from {cleaned} as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c._deleted_at is null
    group by c._landed
),

shown as (
    select distinct
        jsonb_build_object({'key', l.key}) as key,
        c._landed,
        c._batch_id,
        c._seq,
        c._extracted_at,
        r.reasons
    from {cleaned} as c
    inner join {landing} as l on c._landed = l._first_batch_id
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
            r.area = {area}
            and r.entity = {entity}
            and r.item is null
            and r.resolved_at is null
            and r.key = s.key
    ) as _goes_on
from stays as s
left join counted as c on s.key = c.key and s._last = c._from_last

-- Refused versions before the first good one belong to the reject that is open.
-- name: go_on
update stg_rejects as r
set
    row_data = {row},
    reasons = s.reasons,
    batch_id = s._batch_id,
    last_seen_at = greatest(r.last_seen_at, s._last_seen_at)
from {stays} as s
inner join {landing} as l on s._landed = l._first_batch_id
where
    r.area = {area}
    and r.entity = {entity}
    and r.item is null
    and r.resolved_at is null
    and r.key = s.key
    and s._goes_on

-- An open reject ends with the first good version.
-- name: end
update stg_rejects as r
set resolved_at = greatest(s._good_at, r.last_seen_at)
from {stays} as s
where
    r.area = {area}
    and r.entity = {entity}
    and r.item is null
    and r.resolved_at is null
    and r.key = s.key
    and s._stay = 1

-- All other stays are rejects of their own. Those that a good version has ended are resolved at once.
-- name: begin
insert into stg_rejects
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at, resolved_at)
select
    {area},
    {entity},
    s.key,
    {row},
    s.reasons,
    s._batch_id,
    s._first_seen_at,
    s._last_seen_at,
    greatest(s._ended_at, case when s._ended_at is not null then s._last_seen_at end)
from {stays} as s
inner join {landing} as l on s._landed = l._first_batch_id
where not s._goes_on

-- name: count_refused
select coalesce(sum(_refused), 0)::bigint from {stays}

-- name: resolve
update stg_rejects as r
set resolved_at = greatest(good._extracted_at, r.last_seen_at)
from (
    select
        jsonb_build_object({'key', l.key}) as key,
        c._extracted_at
    from {cleaned} as c
    inner join {landing} as l on c._landed = l._first_batch_id
    where c.reject_reasons = '{{}}' or c._deleted_at is not null
) as good
where
    r.area = %(area)s
    and r.entity = %(entity)s
    and r.item is null
    and r.resolved_at is null
    and r.key = good.key

-- name: list
select
    r.reject_id,
    r.entity,
    r.item,
    r.key,
    r.reasons,
    r.batch_id,
    r.first_seen_at,
    r.last_seen_at,
    r.resolved_at,
    r.row_data
from stg_rejects as r
where
    r.area = %(area)s
    and (%(entity)s::text is null or r.entity = %(entity)s)
    and (%(resolved)s or r.resolved_at is null)
order by r.last_seen_at desc, r.reject_id desc
limit %(limit)s

-- name: by_reason
select
    r.entity,
    reason.reason,
    count(*)
from stg_rejects as r
cross join lateral unnest(r.reasons) as reason (reason)
where r.area = %(area)s and r.resolved_at is null
group by r.entity, reason.reason
order by count(*) desc, r.entity, reason.reason

-- name: is_empty
select not exists (
    select
    from {mirror}
    where _deleted_at is null
)

-- The most frequent reasons for which these batches refused rows. The keys of holders are left out.
-- name: frequent
select
    regexp_replace(reason.reason, '^key is taken by .*', 'key is taken', 's') as reason,
    count(*)
from stg_rejects as r
cross join lateral unnest(r.reasons) as reason (reason)
where
    r.area = %(area)s
    and r.entity = %(entity)s
    and r.batch_id = any (%(batches)s)
    and r.resolved_at is null
group by 1
order by 2 desc, 1
limit 3

-- name: resolve_keys
update stg_rejects as r
set resolved_at = %(clock)s
where
    r.area = %(area)s
    and r.entity = %(entity)s
    and r.item is null
    and r.resolved_at is null
    and r.batch_id < %(batch_id)s
    and (
        select jsonb_agg(r.key ->> c.name order by c.position)
        from unnest(%(columns)s::text[]) with ordinality as c (name, position)
    ) in (select k.value from jsonb_array_elements(%(keys)s::jsonb) as k)

-- How many rows these batches, or all, refused for each of these reasons, and the keys of some.
-- name: by_check
select
    r.entity,
    reason.reason,
    count(*),
    to_jsonb((array_agg(r.key order by r.reject_id))[1:%(few)s])
from stg_rejects as r
cross join lateral unnest(r.reasons) as reason (reason)
where
    r.area = %(area)s
    and (%(batches)s::bigint[] is null or r.batch_id = any (%(batches)s))
    and r.resolved_at is null
    and reason.reason = any (%(reasons)s)
group by r.entity, reason.reason
