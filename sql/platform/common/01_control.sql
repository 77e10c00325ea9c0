-- Control tables that every layer of the warehouse has (MRR, STG, DWH).
-- The schemas tidemark and landing are made by 00_roles.sql, which runs before this.

create table tidemark.applied_batch (
    area text not null,
    batch_id bigint not null,
    applied_at timestamptz not null default clock_timestamp(),
    marks jsonb not null,
    constraint applied_batch_pkey primary key (area, batch_id),
    constraint applied_batch_marks_is_an_object check (jsonb_typeof(marks) = 'object')
);

comment on table tidemark.applied_batch is
'One row per area and batch that this layer has applied. Written in the transaction that applies
the batch, so a hop happens once however often it is retried. marks: entity -> high-water mark.';
