-- A batch may refuse a row of a table, which has no line.
alter table tidemark.refused
drop constraint refused_pkey,
alter column line drop not null,
add column refused_id bigint generated always as identity,
add constraint refused_pkey primary key (refused_id);

create index refused_area_entity_batch_id_idx on tidemark.refused (area, entity, batch_id);

comment on table tidemark.refused is
'One row per row of a source''s item that could not become a row of the mirror, and batch: as it
came, with why. line: where it begins in the item; null in a table, whose item is empty. Written in
the transaction that lands the rows beside it.';
