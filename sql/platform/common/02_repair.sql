alter table tidemark.applied_batch
add column is_repair boolean not null default false;

comment on column tidemark.applied_batch.is_repair is
'The batch wrote rows anew that had not changed, and the layer behind this one has to do the same.';
