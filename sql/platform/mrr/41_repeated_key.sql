create table tidemark.repeated_key (
    area text not null,
    entity text not null,
    item text not null,
    surplus bigint not null,
    keys jsonb not null,
    batch_id bigint not null,
    constraint repeated_key_pkey primary key (area, entity, item),
    constraint repeated_key_surplus_is_positive check (surplus > 0)
);

comment on table tidemark.repeated_key is
'One row per item of a source, such as a file, that shows a key more than once, of entities with a
check on it: how many rows are too many, and these keys, up to 1,000. Gone when the item is taken again.';
