-- What the journal says of an area's last batches.

-- name: last_ended
select
    b.batch_id,
    b.status,
    b.error_message
from etl_batches as b
where b.area = %(area)s and b.status <> 'RUNNING'
order by b.batch_id desc
limit 1

-- name: batch
select
    b.status,
    b.error_message
from etl_batches as b
where b.area = %(area)s and b.batch_id = %(batch_id)s

-- What checks found in a batch, by name. A hop that was run again has several rows of a check, of which
-- the last counts.
-- name: checked
select distinct on (l.check_name)
    l.check_name,
    l.layer,
    l.severity,
    l.status,
    l.message,
    l.accepted_by
from dq_check_logs as l
where l.area = %(area)s and l.batch_id = %(batch_id)s
order by l.check_name, l.log_id desc
