create table tidemark.batch_clock (
    area text not null,
    batch_id bigint not null,
    clock timestamptz not null,
    constraint batch_clock_pkey primary key (area, batch_id)
);

comment on table tidemark.batch_clock is
'One row per area and batch: the clock of the source when the batch looked at it. It stays for good,
since a key names the batch that first saw it (_first_batch_id), and that clock dates facts which
have no time of their own.';

-- Batches of before did not say it.
insert into tidemark.batch_clock (area, batch_id, clock)
select
    area,
    batch_id,
    applied_at
from tidemark.applied_batch;
