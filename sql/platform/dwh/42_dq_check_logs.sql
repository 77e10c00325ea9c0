create table dq_check_logs (
    log_id bigint generated always as identity,
    area text not null,
    entity text,
    check_name text not null,
    severity text not null,
    status text not null,
    result_value numeric,
    bound text not null,
    message text not null,
    sample jsonb not null default '[]',
    batch_id bigint,
    run_time timestamptz not null default clock_timestamp(),
    duration numeric not null,
    layer text not null,
    accepted_by text,
    constraint dq_check_logs_pkey primary key (log_id),
    constraint dq_check_logs_severity_is_known check (severity in ('reject', 'warn', 'fail')),
    constraint dq_check_logs_status_is_known
    check (status in ('PASSED', 'WARNED', 'FAILED', 'ERROR')),
    constraint dq_check_logs_layer_is_known check (layer in ('mrr', 'stg', 'dwh'))
);

create index dq_check_logs_area_batch_id_idx on dq_check_logs (area, batch_id desc);
create index dq_check_logs_run_time_idx on dq_check_logs (run_time desc);

comment on table dq_check_logs is
'One row per check and time it looked, kept although the batch was not published. result_value: the
rows that break it, or what it counts; duration in seconds, shared by the checks of one look.';
comment on column dq_check_logs.sample is
'Keys of some rows that break it, or where rows without a key were; nothing else of them.';
comment on column dq_check_logs.accepted_by is
'Who let the batch be published all the same (`tidemark run --accept-check`); null: nobody.';
