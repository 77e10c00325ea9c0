-- Of the lines that show an event, the one with the greatest file and line counts, whenever it
-- came. Files are named by the hour, so that is the last one that was written.
create or replace view landing_events.derive_events as
select distinct on (l.event_id)
    l.event_id,
    l.session_id,
    l.event_timestamp,
    l.event_type,
    l.customer_id,
    l.email,
    l.first_name,
    l.last_name,
    l.country,
    l.order_id,
    l.order_status,
    l.currency,
    l.total_amount,
    l.tax,
    l.shipping,
    l.items,
    l.channel,
    l.device,
    l._file as source_file,
    l._line as source_line
from landing_events.live_lines as l
order by l.event_id asc, l._file collate "C" desc, l._line desc; -- noqa: RF03

comment on view landing_events.derive_events is 'One row per event.';
