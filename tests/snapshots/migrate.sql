-- record
insert into tidemark.migration (path, checksum) values (
    'made/dwh/00_first.sql', '354b7196c9ba5fb4b21cf615bb6ec4cd5c07503c34229feef033fc081a8c03f4'
)
on conflict (path) do update set checksum = excluded.checksum, applied_at = clock_timestamp();
