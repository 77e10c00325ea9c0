alter table tidemark.applied_batch
add column refreshed text[] not null default '{}';

comment on column tidemark.applied_batch.refreshed is
'Entities that the batch extracted as a whole because a person asked for it: the layer behind this
one judges all of their rows again.';
