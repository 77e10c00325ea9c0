create table tidemark.key_claim (
    area text not null,
    entity text not null,
    mrr_key jsonb not null,
    stg_key jsonb not null,
    holds boolean not null,
    since timestamptz,
    row_data jsonb,
    constraint key_claim_pkey primary key (area, entity, mrr_key),
    constraint key_claim_keeps_the_row_of_one_that_waits check (holds = (row_data is null))
);

create unique index key_claim_one_holder_per_stg_key on tidemark.key_claim (area, entity, stg_key)
where holds;
create index key_claim_stg_key_idx on tidemark.key_claim (area, entity, stg_key);

comment on table tidemark.key_claim is
'One row per MRR key whose STG key, as cleansing makes it, is another one, or is or was wanted by
two. It holds the STG row of that key, or waits for it, as a reject. A STG row that none holds here
belongs to the MRR key that equals it.';
comment on column tidemark.key_claim.since is
'When it took the row over from another MRR key; null: it was the first. What it says of a dimension
took effect then at the earliest.';
comment on column tidemark.key_claim.row_data is
'The landed row of one that waits, each column as text: it is staged again when the key is free.';

create table tidemark.claims_unknown (
    area text not null,
    constraint claims_unknown_pkey primary key (area)
);

comment on table tidemark.claims_unknown is
'One row per area whose rows were staged before claims were kept. The next stage hop finds them out
from all rows of MRR.';

insert into tidemark.claims_unknown (area) select distinct area from tidemark.applied_batch;
