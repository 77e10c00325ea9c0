-- The sessions that begin between two dates (UTC, inclusive; null: open). A session is what one
-- user does without a pause of more than p_gap; it is told as a whole, also where it goes on behind
-- p_end. Events without a user belong to none.
--
-- reads    marketing.fact_click_events
-- returns  a row for each session, by user and time
-- raises   invalid_parameter_value if p_gap is null or not positive
-- repeat   safe
create or replace function marketing.fn_sessions(
    p_start date default null, p_end date default null, p_gap interval default '30 minutes'
)
returns table (
    user_id bigint,
    started_at timestamptz,
    ended_at timestamptz,
    events bigint,
    pages bigint,
    event_types text[]
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
    if p_gap is null or p_gap <= interval '0' then
        raise exception 'p_gap: % is no pause. Give one above zero, such as 30 minutes.', p_gap
            using errcode = 'invalid_parameter_value';
    end if;

    return query
    with stream as (
        select
            e.event_id,
            e.user_id,
            e.event_time,
            e.event_type,
            e.page_url,
            coalesce(e.event_time - lag(e.event_time) over w > p_gap, true) as begins
        from marketing.fact_click_events as e
        -- A session that began before p_start is known by an event within the pause before it.
        where e.user_id is not null and e.event_time >= v_from - p_gap
        window w as (partition by e.user_id order by e.event_time, e.event_id)
    ),

    numbered as (
        select
            s.user_id,
            s.event_time,
            s.event_type,
            s.page_url,
            count(*) filter (where s.begins) over w as place
        from stream as s
        window w as (partition by s.user_id order by s.event_time, s.event_id)
    )

    select
        n.user_id,
        min(n.event_time),
        max(n.event_time),
        count(*),
        count(distinct n.page_url),
        array_agg(distinct n.event_type)
    from numbered as n
    group by n.user_id, n.place
    having min(n.event_time) >= v_from and min(n.event_time) < v_to
    order by n.user_id, min(n.event_time);
end;
$$;
