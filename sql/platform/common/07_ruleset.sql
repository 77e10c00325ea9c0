create table tidemark.rule_text (
    checksum text not null,
    content text not null,
    constraint rule_text_pkey primary key (checksum)
);

comment on table tidemark.rule_text is
'One row per text of an area.yml, a view or a routine that batches were made by, ever. checksum is
the SHA-256 of content.';

create table tidemark.ruleset (
    checksum text not null,
    path text not null,
    text_checksum text not null,
    constraint ruleset_pkey primary key (checksum, path),
    constraint ruleset_has_its_text
    foreign key (text_checksum) references tidemark.rule_text (checksum)
);

create index ruleset_text_checksum_idx on tidemark.ruleset (text_checksum);

comment on table tidemark.ruleset is
'One row per set of rules that batches were made by, and file in it: the area.yml, the views and the
routines of one area. path lies below the area''s folder; checksum is of all paths and texts.';

alter table tidemark.applied_batch
add column ruleset text;

comment on column tidemark.applied_batch.ruleset is
'The rules that this layer applied the batch by (tidemark.ruleset). Null: nobody knows, since the
batch is older than rules are kept.';
