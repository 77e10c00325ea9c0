-- Batches and logs, on a connection of their own.

-- This process holds the area's lock. So a batch that still says RUNNING was killed.
-- name: begin
with unfinished_batches as (
    update etl_batches
    set status = 'FAILED', ended_at = clock_timestamp(), error_message = %(message)s
    where area = %(area)s and status = 'RUNNING'
),

unfinished_logs as (
    update etl_logs
    set status = 'FAILED', end_time = clock_timestamp(), error_message = %(message)s
    where area = %(area)s and status = 'RUNNING'
)

insert into etl_batches (batch_id, area, status)
values (nextval('etl_batch_id_seq'), %(area)s, 'RUNNING')
returning batch_id

-- A DWH that was restored from a backup must not use again the batch ids that other layers have
-- applied.
-- name: skip_used_ids
select setval('etl_batch_id_seq', greatest(nextval('etl_batch_id_seq'), %(applied)s))

-- name: fail_batch
update etl_batches
set
    status = 'FAILED',
    ended_at = clock_timestamp(),
    error_message = %(message)s,
    failed_by = %(failed_by)s
where batch_id = %(batch_id)s and status = 'RUNNING'

-- name: start
select
    fn_log_etl_start(
        %(area)s || '.' || %(hop)s,
        %(area)s,
        null,
        %(hop)s,
        %(batch_id)s::bigint
    )

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
with ended as (
    select
        l.log_id,
        l.area,
        l.hop,
        l.batch_id,
        l.start_time
    from etl_logs as l
    where l.log_id = %(log_id)s and l.status = 'RUNNING'
),

moved as (
    insert into etl_logs (
        process_name,
        area,
        entity,
        hop,
        batch_id,
        start_time,
        end_time,
        status,
        rows_processed,
        rows_inserted,
        rows_updated,
        rows_deleted,
        error_message,
        additional_info
    )
    select
        concat_ws('.', h.area, e.entity, h.hop),
        h.area,
        e.entity,
        h.hop,
        h.batch_id,
        h.start_time,
        clock_timestamp(),
        e.status,
        e.processed,
        e.inserted,
        e.updated,
        e.deleted,
        e.message,
        nullif(e.info, '{{}}')
    from ended as h
    cross join jsonb_to_recordset(%(entities)s) as e (
        entity text,
        status text,
        message text,
        processed bigint,
        inserted bigint,
        updated bigint,
        deleted bigint,
        info jsonb
    )
),

checked as (
    insert into dq_check_logs (
        area,
        entity,
        check_name,
        layer,
        severity,
        status,
        result_value,
        bound,
        message,
        sample,
        batch_id,
        duration,
        accepted_by
    )
    select
        h.area,
        c.entity,
        c.check_name,
        c.layer,
        c.severity,
        c.status,
        c.result_value,
        c.bound,
        c.message,
        c.sample,
        h.batch_id,
        c.duration,
        c.accepted_by
    from ended as h
    cross join jsonb_to_recordset(%(checks)s) as c (
        entity text,
        check_name text,
        layer text,
        severity text,
        status text,
        result_value numeric,
        bound text,
        message text,
        sample jsonb,
        duration numeric,
        accepted_by text
    )
)

select
    fn_log_etl_end(
        h.log_id,
        %(status)s,
        %(processed)s::bigint,
        %(inserted)s::bigint,
        %(updated)s::bigint,
        %(deleted)s::bigint,
        %(message)s,
        %(info)s
    )
from ended as h

-- name: note
select
    fn_log_etl_end(
        fn_log_etl_start(%(process)s, %(area)s, p_batch_id => %(batch_id)s::bigint),
        %(status)s,
        p_rows_deleted => %(deleted)s::bigint,
        p_error_message => %(message)s
    )
