alter table tidemark.applied_batch
add column entities text[];

comment on column tidemark.applied_batch.entities is
'The entities of which the batch may have written versions in this layer: nothing else is looked at
by the hop after it. NULL: a Tidemark before wrote it, which did not say.';
