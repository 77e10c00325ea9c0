-- Rows that can't become rows of MRR.

-- name: keep
insert into tidemark.refused
(area, entity, item, line, row_text, row_key, event_id, reasons, batch_id, refused_at)
select
    {area},
    {entity},
    r.item,
    r.line,
    r.row_text,
    case
        when num_nulls({r.document ->> 'key'}) = 0
            then jsonb_build_object({'key', r.document ->> 'key'})
    end,
    case when {is_event} then r.document ->> 'event_id' end,
    r.reasons,
    {batch_id},
    {clock}
from (
    select
        item,
        line,
        row_text,
        reasons,
        case when item = '' and pg_input_is_valid(row_text, 'jsonb') then row_text::jsonb end
            as document
    from {refused}
) as r
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
    to_jsonb(t)::text,
    array[
        'key is null: '
        || concat_ws(', ', {case when t.key is null then 'key' end})
    ],
    {batch_id},
    {clock}
from taken as t

-- name: end
update tidemark.refused as r
set ended_by = {batch_id}, ended_at = {clock}
where
    r.area = {area}
    and r.entity = {entity}
    and r.ended_by is null
    and r.batch_id < {batch_id}
    and {has_come}

-- name: end_replaced
update tidemark.refused as r
set ended_by = {batch_id}, ended_at = {clock}
where
    r.area = {area}
    and r.entity = {entity}
    and r.ended_by is null
    and r.batch_id = {batch_id}
    and r.item = any({items}::text[])

-- name: all_has_come
true

-- name: has_come
r.refused_id in (
    select o.refused_id
    from tidemark.refused as o
    where
        o.area = {area}
        and o.entity = {entity}
        and o.item = any({items}::text[])
        and o.ended_by is null
    union all
    select o.refused_id
    from tidemark.refused as o
    inner join {landing} as l on {o.row_key ->> 'key' = l.key::text}
    where o.area = {area} and o.entity = {entity} and o.item = '' and o.ended_by is null
    union all
    select o.refused_id
    from tidemark.refused as o
    inner join tidemark.refused as n
        on
            o.area = n.area
            and o.entity = n.entity
            and o.item = n.item
            and o.row_key = n.row_key
    where
        o.area = {area}
        and o.entity = {entity}
        and o.item = ''
        and o.ended_by is null
        and n.batch_id = {batch_id}
)

-- A row that was refused stays out until it comes again. Without a key none gets in.
-- name: excuse
(
    s._pending is not null
    and (
        num_nulls({s.key}) > 0
        or exists (
            select
            from tidemark.refused as f
            where
                f.area = {area}
                and f.entity = {entity}
                and f.item = ''
                and f.ended_by is null
                and f.row_key = jsonb_build_object({'key', s.key})
        )
    )
)
