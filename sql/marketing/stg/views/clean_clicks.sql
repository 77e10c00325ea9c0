-- Events in two steps, as customers. What a check of area.yml refuses is not said here again.

drop view if exists landing_marketing.clean_clicks, landing_marketing.clicks_typed;

create view landing_marketing.clicks_typed with (security_barrier) as
select
    l.event_id,
    tidemark.clean_text(l.document ->> 'user_id') as user_text,
    marketing.customer_number(l.document ->> 'user_id') as user_id,
    lower(tidemark.clean_text(l.document ->> 'event_type')) as event_type,
    tidemark.clean_text(l.document ->> 'page_url') as page_url,
    l.document ->> 'duration_ms' as duration_text,
    tidemark.try_integer(l.document ->> 'duration_ms') as duration_ms,
    l.document ->> 'timestamp' as time_text,
    -- A time without a zone is one of UTC.
    case
        when
            l.document ->> 'timestamp' ~ '^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}'
            and pg_input_is_valid(l.document ->> 'timestamp', 'timestamptz')
            then (l.document ->> 'timestamp')::timestamptz
    end as event_time,
    tidemark.try_date(substring(l._file from '[0-9]{4}-[0-9]{2}-[0-9]{2}')) as dropped_on,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_marketing.clicks as l;

comment on view landing_marketing.clicks_typed is
'One row per version of an event in landing_marketing.clicks: its values with their types, and the
date of its file.';

create view landing_marketing.clean_clicks as
select
    e.event_id,
    e.user_id,
    e.event_type,
    e.page_url,
    e.duration_ms,
    e.event_time,
    e._batch_id,
    e._seq,
    e._first_batch_id,
    e._extracted_at,
    e._deleted_at,
    array_remove(
        array[
            case
                when e.user_text is not null and e.user_id is null then 'user_id is not a number'
            end,
            case when e.event_type is null then 'event_type is missing' end,
            case
                when e.duration_text is not null and e.duration_ms is null
                    then 'duration_ms is not a whole number'
            end,
            case
                when e.time_text is null then 'timestamp is missing'
                when e.event_time is null then 'timestamp is not a time'
                when e.event_time >= (e.dropped_on + 1)::timestamp at time zone 'UTC'
                    then 'timestamp is after the date of its file'
            end
        ],
        null
    ) as reject_reasons
from landing_marketing.clicks_typed as e;

comment on view landing_marketing.clean_clicks is
'One row per version of an event in landing_marketing.clicks: the columns of STG and every reason to
refuse it.';
