-- Reports that analysts refresh: they may call these procedures but not write the tables, hence
-- security definer.
--
-- A procedure must not commit, and yet a failed call leaves a FAILED row in etl_logs. So the row
-- is written while the variables are declared, outside the block that an exception rolls back: a
-- failure takes the work back, marks the row, and the call returns with a warning in place of an
-- error, which would undo the row too.

-- Fill temp_sales_report with the sales between two dates (UTC, inclusive on both ends).
--
-- reads    vw_sales
-- writes   temp_sales_report: all rows are replaced, in one step to its readers; etl_logs: a run
-- raises   a warning with the log_id when it fails (a date is null, p_start is after p_end, ...);
--          the old report stays
-- repeat   safe; two calls at once take turns, and the second one waits for 10 s at most
create or replace procedure sp_aggregate_sales_report(p_start date, p_end date)
language plpgsql
security definer
set search_path = public, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_log_id constant bigint := fn_log_etl_start(
        'sp_aggregate_sales_report',
        p_additional_info => jsonb_build_object('start', p_start, 'end', p_end)
    );
    v_deleted bigint;
    v_inserted bigint;
    v_error text;
begin
    if p_start is null or p_end is null or p_start > p_end then
        raise invalid_parameter_value using message = format(
            'dates: %s to %s is not a range. Give two dates, the first not after the second.',
            coalesce(p_start::text, 'null'), coalesce(p_end::text, 'null')
        );
    end if;

    -- No truncate, which would take the old report away from readers before the commit. A second
    -- call waits here.
    lock table temp_sales_report in share row exclusive mode;
    delete from temp_sales_report;
    get diagnostics v_deleted = row_count;

    insert into temp_sales_report (
        customer_id, customer_name, country, product_group, sales_month, total_quantity,
        total_transactions, total_products, avg_quantity_per_transaction, revenue
    )
    select
        s.customer_id,
        s.customer_name,
        s.country,
        s.product_group,
        date_trunc('month', s.transaction_timestamp at time zone 'UTC')::date as sales_month,
        sum(s.quantity),
        count(*),
        count(distinct s.product_id),
        round(avg(s.quantity), 2),
        sum(s.net_amount)
    from vw_sales as s
    where
        s.transaction_timestamp >= p_start::timestamp at time zone 'UTC'
        and s.transaction_timestamp < (p_end + 1)::timestamp at time zone 'UTC'
    group by s.customer_id, s.customer_name, s.country, s.product_group, sales_month;
    get diagnostics v_inserted = row_count;

    perform fn_log_etl_end(
        v_log_id,
        p_rows_processed => (
            select coalesce(sum(r.total_transactions), 0)::bigint from temp_sales_report as r
        ),
        p_rows_inserted => v_inserted,
        p_rows_deleted => v_deleted
    );
exception
    -- `others` does not include query_canceled, the error of a statement_timeout.
    when query_canceled or others then
        get stacked diagnostics v_error = message_text;
        if sqlstate = '55P03' then
            v_error := 'another session is filling it, or has not ended its transaction since';
        end if;
        perform fn_log_etl_end(v_log_id, 'FAILED', p_error_message => v_error);
        raise warning 'temp_sales_report: not refreshed, the old report stays (etl_logs %): %',
            v_log_id, v_error;
end;
$$;

-- Fill customer_metrics as of the date p_as_of (null: today, UTC). Sales of that day count, later
-- ones have not happened yet.
--
-- reads    vw_sales, dwh_dim_customers
-- writes   customer_metrics: all rows are replaced, in one step to its readers; etl_logs: a run
-- raises   a warning with the log_id when it fails; the old metrics stay
-- repeat   safe; two calls at once take turns, and the second one waits for 10 s at most
create or replace procedure sp_refresh_customer_metrics(p_as_of date default null)
language plpgsql
security definer
set search_path = public, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_as_of constant date := coalesce(p_as_of, (now() at time zone 'UTC')::date);
    v_log_id constant bigint := fn_log_etl_start(
        'sp_refresh_customer_metrics',
        p_additional_info => jsonb_build_object('as_of', v_as_of)
    );
    v_deleted bigint;
    v_inserted bigint;
    v_error text;
begin
    lock table customer_metrics in share row exclusive mode;
    delete from customer_metrics;
    get diagnostics v_deleted = row_count;

    with bought as (
        select
            s.customer_id,
            sum(s.net_amount) as amount,
            count(*) as transactions,
            sum(s.quantity) as quantity,
            (min(s.transaction_timestamp) at time zone 'UTC')::date as first_purchase,
            (max(s.transaction_timestamp) at time zone 'UTC')::date as last_purchase
        from vw_sales as s
        where
            s.customer_id is not null
            and s.transaction_timestamp < (v_as_of + 1)::timestamp at time zone 'UTC'
        group by s.customer_id
    )
    insert into customer_metrics (
        customer_id, customer_name, country, segment, lifetime_value, total_transactions,
        total_quantity, avg_order_value, first_purchase, last_purchase, recency_days, as_of
    )
    select distinct on (c.customer_id)
        c.customer_id,
        c.customer_name,
        c.country,
        c.segment,
        coalesce(b.amount, 0),
        coalesce(b.transactions, 0),
        coalesce(b.quantity, 0),
        coalesce(round(b.amount / b.transactions, 2), 0),
        b.first_purchase,
        b.last_purchase,
        v_as_of - b.last_purchase,
        v_as_of
    from dwh_dim_customers as c
    left join bought as b on c.customer_id = b.customer_id
    where c.customer_id is not null
    order by c.customer_id asc, c.valid_from desc;
    get diagnostics v_inserted = row_count;

    perform fn_log_etl_end(
        v_log_id,
        p_rows_processed => v_inserted, p_rows_inserted => v_inserted, p_rows_deleted => v_deleted
    );
exception
    -- `others` does not include query_canceled, the error of a statement_timeout.
    when query_canceled or others then
        get stacked diagnostics v_error = message_text;
        if sqlstate = '55P03' then
            v_error := 'another session is filling it, or has not ended its transaction since';
        end if;
        perform fn_log_etl_end(v_log_id, 'FAILED', p_error_message => v_error);
        raise warning 'customer_metrics: not refreshed, the old metrics stay (etl_logs %): %',
            v_log_id, v_error;
end;
$$;
