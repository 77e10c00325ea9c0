-- Events that applications post, until a batch takes them, and ever after.
create table tidemark.inbox (
    id bigint generated always as identity,
    area text not null,
    event_id text not null,
    kind text not null,
    payload jsonb not null,
    received_at timestamptz not null default clock_timestamp(),
    batch_id bigint,
    constraint inbox_pkey primary key (id),
    constraint inbox_keeps_an_event_once unique (area, event_id),
    constraint inbox_event_id_is_short check (length(event_id) between 1 and 200),
    constraint inbox_payload_is_an_object check (jsonb_typeof(payload) = 'object')
);

-- What no batch has taken yet: a look costs what is new.
create index inbox_new_idx on tidemark.inbox (area, id) where batch_id is null;

comment on table tidemark.inbox is
'One row per event that an application has posted to an area. Its commit is what the application was
promised. Whoever posts the same event again finds it here.';
comment on column tidemark.inbox.kind is
'Which events of the area it is one of (`source.event` of an entity).';
comment on column tidemark.inbox.payload is
'What it says, field by field.';
comment on column tidemark.inbox.batch_id is
'The batch that took it into the mirror, set in the transaction of its row; null: none has yet.
There is no window and no margin: what commits later is taken later.';
