create table tidemark.history_lost (
    is_only boolean not null default true,
    batch_id bigint not null,
    noted_at timestamptz not null default clock_timestamp(),
    constraint history_lost_pkey primary key (is_only),
    constraint history_lost_has_one_row check (is_only)
);

comment on table tidemark.history_lost is
'One row per layer of which versions have gone from a history: of those that batches up to batch_id
replaced, some may be gone. What was written after an earlier batch is looked for in whole mirrors.';
