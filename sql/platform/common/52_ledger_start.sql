create table tidemark.ledger_start (
    area text not null,
    batch_id bigint not null,
    moved_at timestamptz not null default clock_timestamp(),
    constraint ledger_start_pkey primary key (area)
);

comment on table tidemark.ledger_start is
'One row per area whose retention has let go of applied batches in this layer: those before batch_id
are gone from tidemark.applied_batch, as far as nobody needs them. Each was applied by every layer.';
