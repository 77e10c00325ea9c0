-- record
insert into tidemark.published_aggregate as p (table_name, area, shape, batch_id)
values ('agg_sales_daily', 'retail', 'drawn', 1)
on conflict (table_name) do update
set
    area = excluded.area,
    shape = excluded.shape,
    batch_id = excluded.batch_id,
    computed_at = excluded.computed_at;
