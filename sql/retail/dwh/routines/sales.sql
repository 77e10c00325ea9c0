-- Growth of revenue from the month before to the given month (UTC), in percent: 25.00 is a quarter
-- more, -100.00 a month without sales. Sales are those that vw_sales counts.
--
-- reads    vw_sales
-- returns  null when the month before had no revenue, so that there is nothing to compare with
-- raises   datetime_field_overflow for a month that is not 1 to 12
-- repeat   safe
create or replace function fn_month_over_month_growth(p_year integer, p_month integer)
returns numeric
language plpgsql
stable
parallel safe
set search_path = public, pg_temp
as $$
declare
    v_month constant timestamp := make_date(p_year, p_month, 1);
    v_from constant timestamptz := (v_month - interval '1 month') at time zone 'UTC';
    v_middle constant timestamptz := v_month at time zone 'UTC';
    v_to constant timestamptz := (v_month + interval '1 month') at time zone 'UTC';
begin
    return (
        select round(100 * (m.this_month - m.month_before) / nullif(m.month_before, 0), 2)
        from (
            select
                coalesce(
                    sum(s.net_amount) filter (where s.transaction_timestamp >= v_middle), 0
                ) as this_month,
                sum(s.net_amount) filter (
                    where s.transaction_timestamp < v_middle
                ) as month_before
            from vw_sales as s
            where s.transaction_timestamp >= v_from and s.transaction_timestamp < v_to
        ) as m
    );
end;
$$;
