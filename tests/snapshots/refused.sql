-- end
update tidemark.refused as r
set ended_by = 2, ended_at = timestamptz '2025-01-01Z'
where
    r.area = 'retail'
    and r.entity = 'customers'
    and r.ended_by is null
    and r.batch_id < 2
    and r.refused_id in (
        select o.refused_id
        from tidemark.refused as o
        where
            o.area = 'retail'
            and o.entity = 'customers'
            and o.item = any(array[]::text[])
            and o.ended_by is null
        union all
        select o.refused_id
        from tidemark.refused as o
        inner join landing.customers as l on o.row_key ->> 'customer_id' = l.customer_id::text
        where o.area = 'retail' and o.entity = 'customers' and o.item = '' and o.ended_by is null
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
            o.area = 'retail'
            and o.entity = 'customers'
            and o.item = ''
            and o.ended_by is null
            and n.batch_id = 2
    );

-- end
update tidemark.refused as r
set ended_by = 34, ended_at = timestamptz '2025-01-01Z'
where
    r.area = 'dropped'
    and r.entity = 'whole'
    and r.ended_by is null
    and r.batch_id < 34
    and true;

-- end_replaced
update tidemark.refused as r
set ended_by = 34, ended_at = timestamptz '2025-01-01Z'
where
    r.area = 'dropped'
    and r.entity = 'whole'
    and r.ended_by is null
    and r.batch_id = 34
    and r.item = any(array['whole/1.csv']::text[]);

-- keep
insert into tidemark.refused
(area, entity, item, line, row_text, row_key, event_id, reasons, batch_id, refused_at)
select
    'posted',
    'keyed',
    r.item,
    r.line,
    r.row_text,
    case
        when num_nulls(r.document ->> 'id') = 0
            then jsonb_build_object('id', r.document ->> 'id')
    end,
    case when true then r.document ->> 'event_id' end,
    r.reasons,
    36,
    timestamptz '2025-01-01Z'
from (
    select
        item,
        line,
        row_text,
        reasons,
        case when item = '' and pg_input_is_valid(row_text, 'jsonb') then row_text::jsonb end
            as document
    from landing_posted."keyed.refused"
) as r
order by r.item, r.line;

-- keep_without_key
with taken as (
    delete from landing_sold.items
    where num_nulls(id) > 0
    returning id, sizes, updated_at
)

insert into tidemark.refused
(area, entity, item, line, row_text, reasons, batch_id, refused_at)
select
    'sold',
    'items',
    '',
    null,
    to_jsonb(t)::text,
    array[
        'key is null: '
        || concat_ws(', ', case when t.id is null then 'id' end)
    ],
    20,
    timestamptz '2025-01-01Z'
from taken as t;
