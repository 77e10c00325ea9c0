-- How many users take each step between two dates (UTC, inclusive; null: open): of the users who
-- took the steps before, in their order, those who took this one later. p_steps: types of events.
--
-- reads    marketing.fact_click_events
-- returns  a row for each step, in order; percentages are null where nobody took the first step, or
--          the step before
-- repeat   safe
create or replace function marketing.fn_funnel(
    p_start date default null,
    p_end date default null,
    p_steps text[] default array['page_view', 'click', 'add_to_cart', 'form_submit']
)
returns table (
    step integer,
    event_type text,
    users bigint,
    percent_of_first numeric,
    percent_of_previous numeric
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start::timestamp at time zone 'UTC', '-infinity');
    v_to constant timestamptz := coalesce((p_end + 1)::timestamp at time zone 'UTC', 'infinity');
begin
    return query
    with recursive taken (step, user_id, event_time) as (
        select
            1,
            e.user_id,
            min(e.event_time)
        from marketing.fact_click_events as e
        where
            e.user_id is not null
            and e.event_type = p_steps[1]
            and e.event_time >= v_from
            and e.event_time < v_to
        group by e.user_id
        union all
        -- The earliest event behind the step before leaves the most time for the steps to come.
        select
            t.step + 1,
            t.user_id,
            n.event_time
        from taken as t
        cross join lateral (
            select e.event_time
            from marketing.fact_click_events as e
            where
                e.user_id = t.user_id
                and e.event_type = p_steps[t.step + 1]
                and e.event_time > t.event_time
                and e.event_time < v_to
            order by e.event_time
            limit 1
        ) as n
    ),

    counted as (
        select
            s.ordinality::integer as step,
            s.event_type,
            (select count(*) from taken as t where t.step = s.ordinality) as users
        from unnest(p_steps) with ordinality as s (event_type, ordinality)
    )

    select
        c.step,
        c.event_type,
        c.users,
        round(100.0 * c.users / nullif(first_value(c.users) over w, 0), 1),
        round(100.0 * c.users / nullif(lag(c.users) over w, 0), 1)
    from counted as c
    window w as (order by c.step)
    order by c.step;
end;
$$;
