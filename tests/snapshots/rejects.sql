-- has_any
select
    exists (select from landing."customers.cleaned" where reject_reasons <> '{}' and _deleted_at is null)
    or exists (
        select
        from stg_rejects
        where area = :area and entity = :entity and resolved_at is null
    );

-- has_open
select exists (
    select
    from stg_rejects
    where area = :area and entity = :entity and resolved_at is null
);

-- open
insert into stg_rejects as r
(area, entity, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select
    :area,
    :entity,
    jsonb_build_object('customer_id', l.customer_id),
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
    from landing."customers.cleaned" as c
    cross join lateral unnest(c.reject_reasons) as reason (reason)
    where c.reject_reasons <> '{}' and c._deleted_at is null
    group by c._landed
) as refused
inner join landing.customers as l on refused._landed = l._first_batch_id
on conflict (area, entity, key) where resolved_at is null do update
set
    row_data = excluded.row_data,
    reasons = excluded.reasons,
    batch_id = excluded.batch_id,
    last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at);
