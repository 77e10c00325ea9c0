-- keep_refused
insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    :area,
    :entity,
    r.item,
    r.line,
    r.row_text,
    r.reasons,
    :batch_id,
    :clock
from landing."things.refused" as r
order by r.item, r.line;

-- null_keys
select
    count(*),
    count(*) filter (where customer_id is null)
from landing.customers
where num_nulls(customer_id) > 0;
