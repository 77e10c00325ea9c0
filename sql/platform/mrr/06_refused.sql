create table tidemark.refused (
    area text not null,
    entity text not null,
    item text not null,
    line bigint not null,
    row_text text not null,
    reasons text[] not null,
    batch_id bigint not null,
    refused_at timestamptz not null,
    constraint refused_pkey primary key (area, entity, item, line, batch_id),
    constraint refused_has_a_reason check (cardinality(reasons) > 0),
    constraint refused_line_counts_from_one check (line >= 1)
);

comment on table tidemark.refused is
'One row per row of a source''s item that could not become a row of the mirror, and batch: as it
came, with why. Written in the transaction that lands the rows beside it.';
