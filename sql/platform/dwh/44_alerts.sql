alter table etl_batches add column failed_by text;

comment on column etl_batches.failed_by is
'What a failed batch failed by, where it has a name: check, delete_guard, or server: and the server
that was away. Null: something else.';

create table tidemark.alert (
    alert_id bigint generated always as identity,
    area text not null,
    event text not null,
    subject text not null,
    severity text not null,
    what text not null,
    look text not null,
    began_at timestamptz not null,
    noticed_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    constraint alert_pkey primary key (alert_id),
    constraint alert_severity_is_known check (severity in ('warn', 'fail'))
);

create unique index alert_stands_once on tidemark.alert (area, event, subject)
where ended_at is null;

create index alert_ended_at_idx on tidemark.alert (ended_at);

comment on table tidemark.alert is
'One row per problem, from its beginning to its end. Area '''' is that of what several areas share,
such as a server.';

create table tidemark.alert_message (
    alert_id bigint not null,
    phase text not null,
    channel text not null,
    due_at timestamptz not null default clock_timestamp(),
    told_at timestamptz,
    tries integer not null default 0,
    last_error text,
    constraint alert_message_pkey primary key (alert_id, phase, channel),
    constraint alert_message_of_an_alert
    foreign key (alert_id) references tidemark.alert (alert_id) on delete cascade,
    constraint alert_message_phase_is_known check (phase in ('begin', 'end'))
);

create index alert_message_untold_idx on tidemark.alert_message (channel, due_at)
where told_at is null;

comment on table tidemark.alert_message is
'One row per alert, channel, and beginning or end: whether the channel was told. The channel is a
digest of its URL.';
