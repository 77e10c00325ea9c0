create or replace view marketing.vw_click_events as
select
    f.event_id,
    f.event_time,
    f.event_date_key,
    f.user_id,
    f.customer_key,
    c.first_name,
    c.last_name,
    c.email,
    c.signup_date,
    c.region,
    f.event_type,
    f.page_url,
    f.duration_ms
from marketing.fact_click_events as f
left join marketing.dim_customer as c on f.customer_key = c.customer_key;

comment on view marketing.vw_click_events is
'One row per event, with its customer: region as it was at the time of the event, all else as it is
now. What belongs to the customer is null if nobody was logged in, or the customer is not known yet.';
