-- Calls of procedures have no area, and there may be any number of them between two batches.
create index etl_logs_of_areas_start_time_idx on etl_logs (start_time desc) where area is not null;
