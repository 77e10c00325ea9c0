create table tidemark.lock (
    name text not null,
    number bigint not null,
    constraint lock_pkey primary key (name),
    constraint lock_number_counts_from_zero check (number >= 0)
);

comment on table tidemark.lock is
'One row per thing that one process at a time may do in this layer. `run <area>`, in the DWH:
whoever works on the area has the row locked, on a connection of its own. `write <area>`: each hop
that begins to write here draws the next number, and each of its transactions that write shows it.
No role but tidemark_etl may lock a row of it: an advisory lock may be taken by anybody.';
