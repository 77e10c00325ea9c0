-- What `tidemark metrics` and `tidemark monitor` read: logs and marks, and nothing of the star.
grant select on etl_batches, etl_logs, high_water_mark to tidemark_monitor;

-- All but the keys of rows that break a check.
grant select (
    log_id, area, entity, check_name, severity, status, result_value, bound, message, batch_id,
    run_time, duration, layer, accepted_by
) on dq_check_logs to tidemark_monitor;

-- What each check said last is asked for every minute.
create index dq_check_logs_area_check_name_idx on dq_check_logs (area, check_name, log_id desc);
