-- clock
select clock_timestamp();
