create table etl_logs (
    log_id bigint generated always as identity,
    process_name text not null,
    area text,
    entity text,
    hop text,
    batch_id bigint,
    start_time timestamptz not null default clock_timestamp(),
    end_time timestamptz,
    duration_seconds numeric
    generated always as (round(extract(epoch from end_time - start_time), 3)) stored,
    status text not null default 'RUNNING',
    rows_processed bigint,
    rows_inserted bigint,
    rows_updated bigint,
    rows_deleted bigint,
    error_message text,
    additional_info jsonb,
    constraint etl_logs_pkey primary key (log_id),
    constraint etl_logs_status_is_known
    check (status in ('RUNNING', 'SUCCESS', 'FAILED', 'WARNING')),
    constraint etl_logs_running_has_no_end check ((status = 'RUNNING') = (end_time is null)),
    constraint etl_logs_failure_has_a_message
    check (status <> 'FAILED' or error_message is not null)
);

create index etl_logs_start_time_idx on etl_logs (start_time desc);
create index etl_logs_running_idx on etl_logs (area) where status = 'RUNNING';

comment on table etl_logs is
'One row per process run: a hop of one entity in one batch, or one call of a procedure.';
