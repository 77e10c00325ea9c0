create sequence etl_batch_id_seq as bigint;

create table etl_batches (
    batch_id bigint not null,
    area text not null,
    status text not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    error_message text,
    constraint etl_batches_pkey primary key (batch_id),
    constraint etl_batches_status_is_known
    check (status in ('RUNNING', 'SUCCESS', 'FAILED')),
    constraint etl_batches_ends_after_it_starts check (ended_at >= started_at)
);

create index etl_batches_area_batch_id_idx on etl_batches (area, batch_id desc);

comment on table etl_batches is
'One row per batch: one run of one area through the three hops.';

create table high_water_mark (
    table_name text not null,
    area text not null,
    entity text not null,
    high_water_mark timestamptz,
    batch_id bigint not null,
    last_updated timestamptz not null,
    constraint high_water_mark_pkey primary key (table_name)
);

comment on table high_water_mark is
'One row per published table: every change of the source before high_water_mark (exclusive) is
in it. Moves in the publishing transaction and never backwards. Null: the entity is extracted in full.';
