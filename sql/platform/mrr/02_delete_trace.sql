create table tidemark.delete_trace (
    area text not null,
    entity text not null,
    trace text not null,
    batch_id bigint not null,
    constraint delete_trace_pkey primary key (area, entity)
);

comment on table tidemark.delete_trace is
'One row per area and entity whose deletes are detected: what deletes had left behind in the source
when its keys were compared last. Written in the transaction that lands the rows.';
