-- Batches and logs, on a connection of their own.

-- name: begin
insert into etl_batches (batch_id, area, status)
values (nextval('etl_batch_id_seq'), %(area)s, 'RUNNING')
returning batch_id

-- A DWH that was restored from a backup must not use again the batch ids that other layers have
-- applied.
-- name: skip_used_ids
select setval('etl_batch_id_seq', greatest(nextval('etl_batch_id_seq'), %(applied)s))

-- name: fail_batch
update etl_batches
set status = 'FAILED', ended_at = clock_timestamp(), error_message = %(message)s
where batch_id = %(batch_id)s and status = 'RUNNING'

-- This process holds the area's lock. So no other one runs a batch that still says RUNNING.
-- name: bury_batches
update etl_batches
set status = 'FAILED', ended_at = clock_timestamp(), error_message = %(message)s
where area = %(area)s and status = 'RUNNING'

-- name: bury_logs
update etl_logs
set status = 'FAILED', end_time = clock_timestamp(), error_message = %(message)s
where area = %(area)s and status = 'RUNNING'

-- name: start
select
    e.entity,
    fn_log_etl_start(
        %(area)s || '.' || e.entity || '.' || %(hop)s,
        %(area)s,
        e.entity,
        %(hop)s,
        %(batch_id)s::bigint
    )
from unnest(%(entities)s::text[]) as e (entity)

-- name: retry
update etl_logs
set
    additional_info = coalesce(additional_info, '{{}}') || jsonb_build_object(
        'retries',
        coalesce(additional_info -> 'retries', '[]')
        || jsonb_build_object('at', clock_timestamp(), 'error', %(error)s::text)
    )
where batch_id = %(batch_id)s and hop = %(hop)s and status = 'RUNNING'

-- A row that is no longer RUNNING was ended as FAILED by the process that took the lost lock. It
-- stays FAILED.
-- name: end
select
    fn_log_etl_end(
        e.log_id, e.status, e.processed, e.inserted, e.updated, e.deleted, e.message, e.info
    )
from jsonb_to_recordset(%(entities)s) as e (
    log_id bigint,
    status text,
    message text,
    processed bigint,
    inserted bigint,
    updated bigint,
    deleted bigint,
    info jsonb
)
inner join etl_logs as l on e.log_id = l.log_id
where l.status = 'RUNNING'

-- name: note
select
    fn_log_etl_end(
        fn_log_etl_start(%(process)s, %(area)s, p_batch_id => %(batch_id)s::bigint),
        %(status)s,
        p_rows_deleted => %(deleted)s::bigint,
        p_error_message => %(message)s
    )
