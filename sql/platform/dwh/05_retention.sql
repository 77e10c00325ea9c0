-- What a retention finds nothing by must cost an idle run next to nothing.
create index etl_logs_area_start_time_idx on etl_logs (area, start_time);
