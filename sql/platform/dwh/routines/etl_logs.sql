-- Open the log row of a process that begins now.
--
-- writes   etl_logs: one row, status RUNNING
-- returns  its log_id, for fn_log_etl_end
-- repeat   not safe: every call is a run of its own
create or replace function fn_log_etl_start(
    p_process_name text,
    p_area text default null,
    p_entity text default null,
    p_hop text default null,
    p_batch_id bigint default null,
    p_additional_info jsonb default null
)
returns bigint
language plpgsql
set search_path = public, pg_temp
as $$
declare
    v_log_id bigint;
begin
    insert into etl_logs (process_name, area, entity, hop, batch_id, additional_info)
    values (p_process_name, p_area, p_entity, p_hop, p_batch_id, p_additional_info)
    returning log_id into v_log_id;
    return v_log_id;
end;
$$;

-- Close the log row of a process that ends now. p_additional_info is merged into what is there.
--
-- writes   etl_logs: the row p_log_id
-- raises   invalid_parameter_value for a status that does not end a run; no_data_found for a
--          log_id that is unknown or has ended; check_violation for FAILED without a message
-- repeat   raises: a run ends once
create or replace function fn_log_etl_end(
    p_log_id bigint,
    p_status text default 'SUCCESS',
    p_rows_processed bigint default null,
    p_rows_inserted bigint default null,
    p_rows_updated bigint default null,
    p_rows_deleted bigint default null,
    p_error_message text default null,
    p_additional_info jsonb default null
)
returns void
language plpgsql
set search_path = public, pg_temp
as $$
begin
    if p_status is null or p_status not in ('SUCCESS', 'WARNING', 'FAILED') then
        raise invalid_parameter_value using message = format(
            'etl_logs: status %s does not end run %s. End it with SUCCESS, WARNING or FAILED.',
            coalesce(p_status, 'null'), coalesce(p_log_id::text, 'null')
        );
    end if;

    update etl_logs as l
    set
        status = p_status,
        end_time = clock_timestamp(),
        rows_processed = p_rows_processed,
        rows_inserted = p_rows_inserted,
        rows_updated = p_rows_updated,
        rows_deleted = p_rows_deleted,
        error_message = p_error_message,
        additional_info = nullif(
            coalesce(l.additional_info, '{}') || coalesce(p_additional_info, '{}'), '{}'
        )
    where l.log_id = p_log_id and l.status = 'RUNNING';

    if not found then
        raise no_data_found using message = format(
            'etl_logs: run %s is unknown or has ended. Pass a log_id of fn_log_etl_start, once.',
            coalesce(p_log_id::text, 'null')
        );
    end if;
end;
$$;

-- Analysts call the routines of this schema, but what a log says must come from the run itself.
revoke execute on function fn_log_etl_start(text, text, text, text, bigint, jsonb)
from tidemark_analyst;
revoke execute on function fn_log_etl_end(
    bigint, text, bigint, bigint, bigint, bigint, text, jsonb
) from tidemark_analyst;
