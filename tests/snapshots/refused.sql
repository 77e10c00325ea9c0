-- keep
insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    'made',
    'things',
    r.item,
    r.line,
    r.row_text,
    r.reasons,
    9,
    timestamptz '2025-01-01Z'
from landing."things.refused" as r
order by r.item, r.line;

-- keep_without_key
with taken as (
    delete from landing.customers
    where num_nulls(customer_id) > 0
    returning customer_id, name, email, phone, city, country, segment, created_at, updated_at
)

insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    'retail',
    'customers',
    '',
    null,
    (to_jsonb(t))::text,
    array[
        'key is null: '
        || concat_ws(', ', case when t.customer_id is null then 'customer_id' end)
    ],
    1,
    timestamptz '2025-01-01Z'
from taken as t;
