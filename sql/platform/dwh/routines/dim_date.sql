-- Add whole years to the date dimension. p_holidays maps dates to names:
-- {"2025-12-25": "Christmas Day"}; dates of other years in it are ignored.
--
-- writes   dwh_dim_date: the dates it lacks; a date that is there stays as it is
-- returns  the number of rows inserted
-- raises   invalid_datetime_format for a holiday whose key is no date
-- repeat   safe, also by two sessions at once
create or replace function tidemark.add_years_to_dim_date(p_years integer[], p_holidays jsonb)
returns bigint
language plpgsql
set search_path = public, pg_temp
as $$
declare
    -- Counted beside: Citus adds up what each server says that it has inserted.
    v_before constant bigint := (select count(*) from dwh_dim_date);
begin
    insert into dwh_dim_date (date_key, full_date, holiday_name)
    select
        to_char(c.day, 'YYYYMMDD')::integer,
        c.day,
        h.name
    from unnest(p_years) as y (year)
    cross join lateral (
        select make_date(y.year, 1, 1) + d.offset_in_year as day
        from generate_series(
            0, make_date(y.year + 1, 1, 1) - make_date(y.year, 1, 1) - 1
        ) as d (offset_in_year)
    ) as c
    left join jsonb_each_text(p_holidays) as h (day, name) on h.day::date = c.day
    -- Ordered, so that two sessions that add one year wait for each other instead of deadlocking.
    order by 1
    on conflict do nothing;
    return (select count(*) from dwh_dim_date) - v_before;
end;
$$;
