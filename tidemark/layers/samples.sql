-- Rows that break a check: r is a row of the table that it looks at.

-- Keys of some rows.
-- name: sample
select jsonb_build_object({'key', r.key::text})
from {rows} as r
where {is_live} and {looked} and {bad}
limit {few}

-- name: sample_of_repeated
with repeated as (
    select {r.columns}
    from {rows} as r
    where {is_live} and {looked} and num_nulls({r.columns}) = 0
    group by {r.columns}
    having count(*) > 1
)

select jsonb_build_object({'key', r.key::text})
from {rows} as r
where
    {is_live}
    and {looked}
    and ({r.columns}) in (
        select {a.columns}
        from repeated as a
    )
limit {few}

-- name: sample_of_items
select each.key || jsonb_build_object('_file', k.item)
from tidemark.repeated_key as k
cross join lateral jsonb_array_elements(k.keys) as each (key)
where k.area = {area} and k.entity = {entity}
order by k.item, each.key
limit {few}

-- name: sample_of_query
with some_rows as materialized (
    select to_jsonb(q.*) as document
    from ({query}) as q
    limit {few}
)

select
    (
        select jsonb_object_agg(c.name, c.value)
        from jsonb_each_text(s.document) as c (name, value)
        where c.name = any({keys}::text[])
    )
from some_rows as s

-- name: sample_of_sides
select
    s.of,
    s.left_value::text,
    s.right_value::text
from {sides}
where s.differs
order by s.of
limit {few}

-- name: places_of_refused
select jsonb_strip_nulls(jsonb_build_object('_file', nullif(f.item, ''), '_line', f.line))
from tidemark.refused as f
where
    f.area = {area}
    and f.entity = {entity}
    and f.ended_by is null
    and exists (
        select
        from unnest(f.reasons) as reason (reason)
        where
            reason.reason like 'key is null: %'
            and string_to_array(substr(reason.reason, 14), ', ') && {columns}::text[]
    )
order by f.item, f.line
limit {few}

-- What a person sees in psql.
-- name: show_rows
select {r.named}
from {rows} as r
where {is_live} and {looked} and {bad}

-- name: show_number
select {number}
from {rows} as r
where {is_live}

-- name: show_repeated
select
    {r.columns},
    count(*)
from {rows} as r
where {is_live} and {looked} and num_nulls({r.columns}) = 0
group by {r.columns}
having count(*) > 1

-- name: show_sides
select
    s.of,
    s.left_value,
    s.right_value
from {sides}
where s.differs
