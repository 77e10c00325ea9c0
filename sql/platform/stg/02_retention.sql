create index stg_rejects_resolved_at_idx on stg_rejects (area, resolved_at)
where resolved_at is not null;
