-- What others are made of is looked up by event, session, customer and order. All other tables here
-- are made by Tidemark.

create table events.stg_event_lines (
    _file text not null,
    _line bigint not null,
    event_id text not null,
    session_id text,
    event_timestamp timestamptz not null,
    event_type text not null,
    customer_id text,
    email text,
    first_name text,
    last_name text,
    country text,
    order_id text,
    order_status text,
    currency text,
    total_amount numeric(14, 2),
    tax numeric(14, 2),
    shipping numeric(14, 2),
    items jsonb,
    channel text,
    device text
);

comment on table events.stg_event_lines is
'One row per line of a file that is an event: flattened, typed. An event may have several.';
select tidemark.create_mirror('events.stg_event_lines', array['_file', '_line']);
create index stg_event_lines_event_id_idx on events.stg_event_lines (event_id);

create table events.stg_events (
    event_id text not null,
    session_id text,
    event_timestamp timestamptz not null,
    event_type text not null,
    customer_id text,
    email text,
    first_name text,
    last_name text,
    country text,
    order_id text,
    order_status text,
    currency text,
    total_amount numeric(14, 2),
    tax numeric(14, 2),
    shipping numeric(14, 2),
    items jsonb,
    channel text,
    device text,
    source_file text not null,
    source_line bigint not null
);

comment on table events.stg_events is
'One row per event: of the lines that show it, the one with the greatest file and line counts.';
select tidemark.create_mirror('events.stg_events', array['event_id']);
create index stg_events_session_id_idx on events.stg_events (session_id);
create index stg_events_customer_id_idx on events.stg_events (customer_id);
create index stg_events_order_id_idx on events.stg_events (order_id);
