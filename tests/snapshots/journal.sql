-- begin
insert into etl_batches (batch_id, area, status)
values (nextval('etl_batch_id_seq'), :area, 'RUNNING')
returning batch_id;

-- bury_batches
update etl_batches
set status = 'FAILED', ended_at = clock_timestamp(), error_message = :message
where area = :area and status = 'RUNNING';

-- bury_logs
update etl_logs
set status = 'FAILED', end_time = clock_timestamp(), error_message = :message
where area = :area and status = 'RUNNING';

-- end
select
    fn_log_etl_end(
        e.log_id,
        e.status,
        e.processed,
        e.inserted,
        e.updated,
        e.deleted,
        e.message,
        e.info
    )
from jsonb_to_recordset(:entities) as e (
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
where l.status = 'RUNNING';

-- start
select
    e.entity,
    fn_log_etl_start(
        :area || '.' || e.entity || '.' || :hop,
        :area,
        e.entity,
        :hop,
        :batch_id::bigint
    )
from unnest(:entities::text[]) as e (entity);
