create table tidemark.suspect (
    area text not null,
    entity text not null,
    key jsonb not null,
    batch_id bigint not null,
    check_name text not null,
    until bigint,
    constraint suspect_pkey primary key (area, entity, batch_id, key)
);

comment on table tidemark.suspect is
'One row per version that broke a check before it was published: the key as text, and the batch that
wrote it; with {} for a key, all versions that the batch wrote. One that was replaced before anything
was published never becomes history of the star.';
comment on column tidemark.suspect.until is
'The batch up to which versions were published first since; null: nothing was published since.';
