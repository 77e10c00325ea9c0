-- What one check said, the last time first.

-- name: history
select
    c.log_id,
    c.run_time,
    c.batch_id,
    c.layer,
    c.severity,
    c.status,
    c.result_value,
    c.bound,
    c.message,
    c.accepted_by,
    null::jsonb as sample
from dq_check_logs as c
where
    c.area between %(area)s and %(area)s
    and c.check_name between %(check)s and %(check)s
    and (%(before)s = 0 or c.log_id < %(before)s)
order by c.area, c.check_name, c.log_id desc
limit %(limit)s

-- The same with the keys of rows that broke it, which only some may read.
-- name: history_with_samples
select
    c.log_id,
    c.run_time,
    c.batch_id,
    c.layer,
    c.severity,
    c.status,
    c.result_value,
    c.bound,
    c.message,
    c.accepted_by,
    c.sample
from dq_check_logs as c
where
    c.area between %(area)s and %(area)s
    and c.check_name between %(check)s and %(check)s
    and (%(before)s = 0 or c.log_id < %(before)s)
order by c.area, c.check_name, c.log_id desc
limit %(limit)s
