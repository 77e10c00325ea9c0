-- What a queue brings and no inbox can take is refused before a batch knows of it.
alter table tidemark.refused
alter column batch_id drop not null,
add column event_id text,
add constraint refused_before_a_batch_is_an_event check (
    batch_id is not null or event_id is not null
);

-- A queue may bring a message again, however late.
create unique index refused_once_of_a_queue on tidemark.refused
(area, entity, item, event_id, md5(row_text))
where event_id is not null and item <> '';

create index refused_event_idx on tidemark.refused (event_id, area)
where event_id is not null and ended_by is null;
create index refused_waiting_idx on tidemark.refused (area, entity) where batch_id is null;

comment on table tidemark.refused is
'One row per row of a source''s item that could not become a row of the mirror, and batch: as it
came, with why. line: where it begins in the item; null in a table, whose item is empty, and in a
queue, whose item is its name. Written in the transaction that lands the rows beside it; what a
queue brought, before its message is deleted.';
comment on column tidemark.refused.entity is
'Whose row it would have been; (unknown) for what a queue brought of no kind that is known.';
comment on column tidemark.refused.batch_id is
'The batch that refused it, or that found it refused; null: none has found it yet.';
comment on column tidemark.refused.event_id is
'Of an event its id, or else the id of its message; null in other sources.';
