-- defer
set constraints all deferred;

-- succeed
update etl_batches set status = 'SUCCESS', ended_at = clock_timestamp(), error_message = null
where batch_id = :batch_id;
