-- record
insert into tidemark.published_aggregate as p (table_name, area, shape, batch_id)
values ('agg_sales_daily', 'retail', 'e28915d863791a2fe082d2564f0eab87', 1)
on conflict (table_name) do update
set
    area = excluded.area,
    shape = excluded.shape,
    batch_id = excluded.batch_id,
    computed_at = excluded.computed_at;
