create table tidemark.stage_again (
    area text not null,
    entity text not null,
    is_new boolean not null,
    noted_at timestamptz not null default clock_timestamp(),
    constraint stage_again_pkey primary key (area, entity)
);

comment on table tidemark.stage_again is
'One row per entity of which the next stage hop takes all rows from MRR: its table here is new, or
has a column that its rows have no values of yet. The hop deletes it as it writes them.';
comment on column tidemark.stage_again.is_new is
'Whether the table is new. Then it gets every version that MRR has, else the current ones.';
