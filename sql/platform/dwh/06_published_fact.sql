create table tidemark.published_fact (
    table_name text not null,
    shape jsonb not null,
    constraint published_fact_pkey primary key (table_name),
    constraint published_fact_shape_is_an_object check (jsonb_typeof(shape) = 'object')
);

comment on table tidemark.published_fact is
'One row per fact table: what its columns and keys were made of in the last publish. Where area.yml
and the catalogs say otherwise, the next publish makes all of its facts anew. Written in the
publishing transaction.';
