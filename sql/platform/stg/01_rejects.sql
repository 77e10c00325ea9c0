create table stg_rejects (
    reject_id bigint generated always as identity,
    area text not null,
    entity text not null,
    key jsonb not null,
    row_data jsonb not null,
    reasons text[] not null,
    batch_id bigint not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    resolved_at timestamptz,
    constraint stg_rejects_pkey primary key (reject_id),
    constraint stg_rejects_has_a_reason check (cardinality(reasons) > 0),
    constraint stg_rejects_seen_in_order check (first_seen_at <= last_seen_at)
);

create unique index stg_rejects_one_open_per_key on stg_rejects (area, entity, key)
where resolved_at is null;
create index stg_rejects_batch_id_idx on stg_rejects (area, batch_id);

comment on table stg_rejects is
'One row per stay of a source row outside the warehouse: from the first version that cleansing
refused (first_seen_at) to the later one that passed (resolved_at; null while it is still refused).
row_data, reasons and batch_id are those of the last refused version.';
