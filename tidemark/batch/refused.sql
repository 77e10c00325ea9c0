-- Rows that can't become rows of MRR.

-- name: keep
insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    {area},
    {entity},
    r.item,
    r.line,
    r.row_text,
    r.reasons,
    {batch_id},
    {clock}
from {refused} as r
order by r.item, r.line

-- name: keep_without_key
with taken as (
    delete from {landing}
    where num_nulls({key}) > 0
    returning {payload}
)

insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    {area},
    {entity},
    '',
    null,
    (to_jsonb(t))::text,
    array[
        'key is null: '
        || concat_ws(', ', {case when t.key is null then 'key' end})
    ],
    {batch_id},
    {clock}
from taken as t
