create table tidemark.extraction_mark (
    area text not null,
    entity text not null,
    high_water_mark timestamptz not null,
    batch_id bigint not null,
    moved_at timestamptz not null default clock_timestamp(),
    constraint extraction_mark_pkey primary key (area, entity)
);

comment on table tidemark.extraction_mark is
'One row per area and entity: the exclusive upper end of the last window that was extracted. It
moves in the transaction that lands the rows, so a restored mirror reads again what it lost.';
