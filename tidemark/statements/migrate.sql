-- Bookkeeping of the files under sql/ that a layer has seen.

-- name: exists
select to_regclass('tidemark.migration') is not null

-- name: create
create table tidemark.migration (
    path text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    constraint migration_pkey primary key (path)
);

comment on table tidemark.migration is
'One row per file of sql/ that was applied here, with the checksum of what was applied.'

-- name: applied
select
    path,
    checksum
from tidemark.migration

-- name: record
insert into tidemark.migration (path, checksum) values (%(path)s, %(checksum)s)
on conflict (path) do update set checksum = excluded.checksum, applied_at = clock_timestamp()
