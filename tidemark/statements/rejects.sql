-- Rows that cleansing refused: opened, kept up to date, resolved.

-- {cleaned} has the cleansed columns, {landing} the rows as they came: a reject has MRR's key and row,
-- whatever the view makes of them.
-- name: open
insert into stg_rejects as r
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    %(area)s,
    %(entity)s,
    jsonb_build_object({'key', l.key}),
    tidemark.row_data(l.*) - array['_batch_id', '_seq', '_first_batch_id', '_extracted_at', '_deleted_at'],
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
on conflict (area, entity, key) where resolved_at is null do update
set
    row_data = excluded.row_data,
    reasons = excluded.reasons,
    batch_id = excluded.batch_id,
    last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at)

-- name: has_open
select exists (
    select
    from stg_rejects
    where area = %(area)s and entity = %(entity)s and resolved_at is null
)

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
    and r.resolved_at is null
    and r.key = good.key

-- name: list
select
    r.reject_id,
    r.entity,
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
select not exists (select from {mirror} where _deleted_at is null)

-- The most frequent reasons of what these batches refused. The keys of holders are left out.
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
    and r.resolved_at is null
    and r.batch_id < %(batch_id)s
    and (
        select jsonb_agg(r.key ->> c.name order by c.position)
        from unnest(%(columns)s::text[]) with ordinality as c (name, position)
    ) in (select k.value from jsonb_array_elements(%(keys)s::jsonb) as k)
