create table tidemark.published_aggregate (
    table_name text not null,
    area text not null,
    shape text not null,
    batch_id bigint not null,
    computed_at timestamptz not null default clock_timestamp(),
    constraint published_aggregate_pkey primary key (table_name)
);

comment on table tidemark.published_aggregate is
'One row per aggregate that was published: the checksum of what computes it, and the last batch in
it. Where the checksum is another one now, the next publish computes all of its grains. Written in
the publishing transaction.';
