-- begin
with unfinished_batches as (
    update etl_batches
    set status = 'FAILED', ended_at = clock_timestamp(), error_message = :message
    where area = :area and status = 'RUNNING'
),

unfinished_logs as (
    update etl_logs
    set status = 'FAILED', end_time = clock_timestamp(), error_message = :message
    where area = :area and status = 'RUNNING'
)

insert into etl_batches (batch_id, area, status)
values (nextval('etl_batch_id_seq'), :area, 'RUNNING')
returning batch_id;

-- end
with ended as (
    select
        l.log_id,
        l.area,
        l.hop,
        l.batch_id,
        l.start_time
    from etl_logs as l
    where l.log_id = :log_id and l.status = 'RUNNING'
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
        nullif(e.info, '{}')
    from ended as h
    cross join jsonb_to_recordset(:entities) as e (
        entity text,
        status text,
        message text,
        processed bigint,
        inserted bigint,
        updated bigint,
        deleted bigint,
        info jsonb
    )
)

select
    fn_log_etl_end(
        h.log_id,
        :status,
        :processed::bigint,
        :inserted::bigint,
        :updated::bigint,
        :deleted::bigint,
        :message,
        :info
    )
from ended as h;

-- start
select
    fn_log_etl_start(
        :area || '.' || :hop,
        :area,
        null,
        :hop,
        :batch_id::bigint
    );
