-- How far each table of the DWH has come.

-- name: tables
select
    m.entity,
    m.table_name,
    m.batch_id,
    f.shape
from high_water_mark as m
left join tidemark.published_fact as f on m.table_name = f.table_name
where m.area = %(area)s

-- A table that another entity feeds from now on gets the mark of that entity. Otherwise a mark does
-- not move backwards. The batch may: STG was restored, and its table was rebuilt.
-- name: mark
insert into high_water_mark as m
(table_name, area, entity, high_water_mark, batch_id, last_updated)
select
    n.table_name,
    %(area)s,
    n.entity,
    n.high_water_mark,
    %(batch_id)s,
    clock_timestamp()
from jsonb_to_recordset(%(moved)s::jsonb)
as n (table_name text, entity text, high_water_mark timestamptz)
on conflict (table_name) do update
set
    area = excluded.area,
    entity = excluded.entity,
    high_water_mark = case
        when (m.area, m.entity) = (excluded.area, excluded.entity)
            then greatest(m.high_water_mark, excluded.high_water_mark)
        else excluded.high_water_mark
    end,
    batch_id = excluded.batch_id,
    last_updated = excluded.last_updated

-- name: remember
insert into tidemark.published_fact (table_name, shape) values (%(table)s, %(shape)s)
on conflict (table_name) do update set shape = excluded.shape
