-- record
insert into tidemark.migration (path, checksum) values ('made/dwh/00_first.sql', 'drawn')
on conflict (path) do update set checksum = excluded.checksum, applied_at = clock_timestamp();
