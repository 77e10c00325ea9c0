-- What pages about batches and alerts look up.
create index etl_logs_batch_id_idx on etl_logs (batch_id, hop, entity);
create index etl_batches_area_status_idx on etl_batches (area, status, batch_id);

-- Who watches sees which alerts there were and are, and whether channels took them.
grant usage on schema tidemark to tidemark_monitor, tidemark_analyst;
grant select on tidemark.alert to tidemark_monitor, tidemark_analyst;
grant select (alert_id, phase, due_at, told_at, tries)
on tidemark.alert_message to tidemark_monitor, tidemark_analyst;
