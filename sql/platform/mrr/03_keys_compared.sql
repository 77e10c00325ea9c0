alter table tidemark.delete_trace
alter column trace drop not null,
add column compared_at timestamptz;

comment on table tidemark.delete_trace is
'One row per area and entity whose deletes are detected, as it was when its keys were compared last.
Written in the transaction that lands the rows.';
comment on column tidemark.delete_trace.trace is
'What deletes had left behind in the source: while it stays the same, none was added. Null: the
source does not say.';
comment on column tidemark.delete_trace.compared_at is
'The clock of the source then. Null: before this was remembered, so a comparison is due.';
