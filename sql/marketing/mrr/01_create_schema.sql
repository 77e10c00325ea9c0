-- The files as they came. The key of each table is its index: it takes the place of cluster keys.

create table marketing.raw_customer_demographics (
    customer_id text not null,
    first_name text,
    last_name text,
    email text,
    region text,
    signup_date text,
    _file text,
    _line bigint
);

comment on table marketing.raw_customer_demographics is
'One row per customer, as the last file of customers shows it.';
select tidemark.create_mirror('marketing.raw_customer_demographics', array['customer_id']);

create table marketing.raw_clickstream_events (
    event_id text not null,
    document jsonb,
    _file text,
    _line bigint
);

comment on table marketing.raw_clickstream_events is
'One row per event, as a file of the click stream last showed it.';
comment on column marketing.raw_clickstream_events.document is
'The event: event_id, user_id, event_type, page_url, duration_ms, timestamp.';
select tidemark.create_mirror('marketing.raw_clickstream_events', array['event_id']);
