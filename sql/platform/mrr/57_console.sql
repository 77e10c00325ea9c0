-- Rows that are refused now, the newest first.
create index refused_now_idx on tidemark.refused (area, refused_id desc) where ended_by is null;
