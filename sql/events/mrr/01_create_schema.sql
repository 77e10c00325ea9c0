-- The events as they came, one a line.

create table events.raw_event_lines (
    document jsonb,
    _file text not null,
    _line bigint not null
);

comment on table events.raw_event_lines is
'One row per line of a file of events, whole and as it came; equal ones are rows of their own.';
select tidemark.create_mirror('events.raw_event_lines', array['_file', '_line']);
