-- count
select
    (
        select count(*)
        from (
            select distinct
                item,
                key
            from landing."customers.refused"
            where ended_at is null
        ) as s
    ),
    (
        select count(*)
        from stg_rejects
        where area = 'retail' and entity = 'customers' and item is not null and resolved_at is null
    );

-- differences
select
    coalesce(s.item, r.item),
    coalesce(s.key, r.key)::text
from (
    select distinct on (item, key)
        item,
        key,
        reasons
    from landing."customers.refused"
    where ended_at is null
    order by item, key, batch_id desc
) as s
full join (
    select
        o.item,
        o.key,
        o.reasons
    from stg_rejects as o
    where o.area = 'retail'
    and o.entity = 'customers'
    and o.item is not null
    and o.resolved_at is null
) as r on s.item = r.item and s.key = r.key
where s.reasons is distinct from r.reasons
order by 1, 2;

-- open
insert into stg_rejects as r
(area, entity, item, key, row_data, reasons, batch_id, first_seen_at, last_seen_at)
select distinct on (l.item, l.key)
    'retail',
    'customers',
    l.item,
    l.key,
    l.row_data,
    l.reasons,
    l.batch_id,
    min(l.refused_at) over same_row,
    max(l.refused_at) over same_row
from landing."customers.refused" as l
where
    l.ended_at is null
    or not exists (
        select
        from stg_rejects as o
        where
            o.area = 'retail'
            and o.entity = 'customers'
            and o.item = l.item
            and o.key = l.key
            and o.batch_id >= l.batch_id
    )
window same_row as (partition by l.item, l.key)
order by l.item, l.key, l.batch_id desc
on conflict (area, entity, key, item) where resolved_at is null do update
set
    row_data = excluded.row_data,
    reasons = excluded.reasons,
    batch_id = excluded.batch_id,
    last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at);

-- resolve
update stg_rejects as r
set resolved_at = greatest(r.last_seen_at, l.ended_at)
from landing."customers.refused" as l
where
    r.area = 'retail'
    and r.entity = 'customers'
    and r.item = l.item
    and r.key = l.key
    and r.batch_id = l.batch_id
    and r.resolved_at is null
    and l.ended_at is not null;

-- rows
select
    r.item,
    case
        when r.item <> '' and r.line is not null and octet_length(r.item) <= 1000
            then jsonb_build_object('_file', r.item, '_line', r.line)
        when r.line is null and octet_length(r.row_key::text) <= 1000 then r.row_key
        else jsonb_strip_nulls(jsonb_build_object('_row', md5(r.row_text), '_line', r.line))
    end as key,
    case
        when r.item = '' and length(r.row_text) <= 100000 and pg_input_is_valid(r.row_text, 'jsonb')
            then r.row_text::jsonb
        else jsonb_build_object('row_text', left(r.row_text, 100000))
    end as row_data,
    r.reasons,
    r.batch_id,
    r.refused_at,
    case when r.ended_by <= 2 then r.ended_at end as ended_at
from tidemark.refused as r
where
    r.area = 'retail'
    and r.entity = 'customers'
    and (r.batch_id > 0 or r.ended_by > 0)
    and r.batch_id <= 2;
