create table tidemark.added_column (
    dimension text not null,
    column_name text not null,
    since_batch bigint not null,
    constraint added_column_pkey primary key (dimension, column_name)
);

comment on table tidemark.added_column is
'One row per column that a dimension was given after it was made, from its first publish on: the
last batch that knows nothing of it. Written in the publishing transaction.';
