-- The lines by the names of the shop's people.

create or replace view events.raw_events as
select
    m.document as event_data,
    m._file as source_file,
    m._line as file_row_number,
    m._extracted_at as loaded_at
from events.raw_event_lines as m
where m._deleted_at is null;

comment on view events.raw_events is
'One row per line of a file of events: the event whole, where it stood, and when it was loaded.';
