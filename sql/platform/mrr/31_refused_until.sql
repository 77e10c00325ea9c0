-- Until when a row is refused. Rows that were refused before can't be followed by their keys.
alter table tidemark.refused
add column row_key jsonb,
add column ended_by bigint,
add column ended_at timestamptz,
add constraint refused_ends_with_a_batch check ((ended_by is null) = (ended_at is null));

create index refused_open_idx on tidemark.refused (area, entity, item) where ended_by is null;
create index refused_area_ended_by_idx on tidemark.refused (area, ended_by)
where ended_by is not null;

comment on column tidemark.refused.row_key is
'The key of a table''s row, as text; null if a part of it is missing, and for a line of an item.';
comment on column tidemark.refused.ended_by is
'The batch that took the row or its item again, whatever came of it; null: it is still refused.';
