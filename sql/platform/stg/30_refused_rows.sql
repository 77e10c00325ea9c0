-- Rejects are of two kinds: rows of MRR that cleansing refused, and rows that MRR refused.
alter table stg_rejects add column item text;

drop index stg_rejects_one_open_per_key;
create unique index stg_rejects_one_open_per_key on stg_rejects (area, entity, key, item)
nulls not distinct
where resolved_at is null;

comment on table stg_rejects is
'One row per stay of a source row outside the warehouse: from the first version that was refused
(first_seen_at) to the later one that passed (resolved_at; null while it is still refused).
row_data, reasons and batch_id are those of the last refused version.';
comment on column stg_rejects.item is
'Null: cleansing refused a row of MRR. Else MRR refused it: the item of the source that it is of,
empty for a table. key has the row''s key, or else the item and line, or a checksum of the row.';
