-- record
insert into tidemark.published_aggregate as p (table_name, area, shape, batch_id)
values ('agg_sales_daily', 'retail', '18e477eb8e4ef18bc66a20271e28de99', 1)
on conflict (table_name) do update
set
    area = excluded.area,
    shape = excluded.shape,
    batch_id = excluded.batch_id,
    computed_at = excluded.computed_at;
