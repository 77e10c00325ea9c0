-- What customers did between two dates (UTC, inclusive; null: open), by the region in which they
-- were at the time of each event. Who moved in between counts as a user of both regions.
--
-- reads    marketing.vw_click_events
-- returns  a row for each region with events, most events first; region null: nobody was logged in,
--          or the region is not known
-- repeat   safe
create or replace function marketing.fn_engagement_by_region(
    p_start date default null, p_end date default null
)
returns table (
    region text,
    users bigint,
    events bigint,
    page_views bigint,
    form_submits bigint,
    avg_duration_ms numeric
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
    select
        e.region,
        count(distinct e.user_id),
        count(*),
        count(*) filter (where e.event_type = 'page_view'),
        count(*) filter (where e.event_type = 'form_submit'),
        round(avg(e.duration_ms), 1)
    from marketing.vw_click_events as e
    where e.event_time >= v_from and e.event_time < v_to
    group by e.region
    order by count(*) desc, e.region;
end;
$$;
