create table tidemark.history_start (
    area text not null,
    batch_id bigint not null,
    moved_at timestamptz not null default clock_timestamp(),
    constraint history_start_pkey primary key (area)
);

comment on table tidemark.history_start is
'One row per area whose retention has let go of history in this layer: versions that batches up to
batch_id replaced are gone. As the layer was after batch_id, and after any later batch, it can still
be told.';
