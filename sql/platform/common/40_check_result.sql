create table tidemark.check_result (
    area text not null,
    check_name text not null,
    layer text not null,
    entity text,
    definition text not null,
    status text not null,
    since bigint not null,
    batch_id bigint not null,
    value numeric,
    bound text not null,
    message text not null,
    sample jsonb not null,
    good_values numeric[] not null,
    suspects jsonb not null,
    constraint check_result_pkey primary key (area, check_name),
    constraint check_result_status_is_known
    check (status in ('PASSED', 'WARNED', 'FAILED', 'ERROR'))
);

comment on table tidemark.check_result is
'One row per check that looks at this layer or at the one before it: what it said last. Written in
the transaction that applies the batch it looked at.';
comment on column tidemark.check_result.definition is
'The checksum of what it looks at. Of another one nothing is known.';
comment on column tidemark.check_result.since is
'The last batch after which no row broke it: only rows that were written since can. 0: all can.';
comment on column tidemark.check_result.suspects is
'Entities and keys of the rows that break it; with {} for a key, all rows of the batch.';
comment on column tidemark.check_result.good_values is
'What it measured in the last good batches, the latest last: a row count is compared with them.';
