-- places_of_refused
select jsonb_strip_nulls(jsonb_build_object('_file', nullif(f.item, ''), '_line', f.line))
from tidemark.refused as f
where
    f.area = 'dropped'
    and f.entity = 'dropped'
    and f.ended_by is null
    and exists (
        select
        from unnest(f.reasons) as reason (reason)
        where
            reason.reason like 'key is null: %'
            and string_to_array(substr(reason.reason, 14), ', ') && array['id']::text[]
    )
order by f.item, f.line
limit 5;

-- sample
select jsonb_build_object('id', r.id::text)
from checked.mrr_things as r
where r._deleted_at is null and true and r.size < 8
limit 5;

-- sample_of_items
select each.key || jsonb_build_object('_file', k.item)
from tidemark.repeated_key as k
cross join lateral jsonb_array_elements(k.keys) as each (key)
where k.area = 'dropped' and k.entity = 'dropped'
order by k.item, each.key
limit 5;

-- sample_of_query
with some_rows as materialized (
    select to_jsonb(q.*) as document
    from (select id from checked.dim_things) as q
    limit 5
)

select
    (
        select jsonb_object_agg(c.name, c.value)
        from jsonb_each_text(s.document) as c (name, value)
        where c.name = any(array['id']::text[])
    )
from some_rows as s;

-- sample_of_repeated
with repeated as (
    select r.name
    from checked.mrr_things as r
    where r._deleted_at is null and (r.size > 0) and num_nulls(r.name) = 0
    group by r.name
    having count(*) > 1
)

select jsonb_build_object('id', r.id::text)
from checked.mrr_things as r
where
    r._deleted_at is null
    and (r.size > 0)
    and (r.name) in (
        select a.name
        from repeated as a
    )
limit 5;

-- sample_of_sides
select
    s.of,
    s.left_value::text,
    s.right_value::text
from (
    select
        coalesce(l.of, o.of) as of,
        l.value as left_value,
        o.value as right_value,
        coalesce(abs(l.value - o.value) > '0', l.value is distinct from o.value) as differs
    from (
        select
            case when a.row ? 'value' then a.row - 'value' else '{}'::jsonb end as of,
            case
                when a.row ? 'value' then a.row ->> 'value'
                when (
                    select count(*) from jsonb_object_keys(a.row)
                ) > 1 then 'no column is named value'
                else (select each.value from jsonb_each_text(a.row) as each)
            end::numeric as value
        from (
            select to_jsonb(q) as row
            from (select 1) as q
        ) as a
    ) as l
    full join (
        select
            case when a.row ? 'value' then a.row - 'value' else '{}'::jsonb end as of,
            case
                when a.row ? 'value' then a.row ->> 'value'
                when (
                    select count(*) from jsonb_object_keys(a.row)
                ) > 1 then 'no column is named value'
                else (select each.value from jsonb_each_text(a.row) as each)
            end::numeric as value
        from (
            select to_jsonb(q) as row
            from (select 2) as q
        ) as a
    ) as o on l.of = o.of
) as s
where s.differs
order by s.of
limit 1;

-- show_number
select count(*) filter (where true)
from checked.stg_things as r
where r._deleted_at is null;

-- show_number
select extract(epoch from clock_timestamp() - max((r.seen::timestamptz)) filter (where true))
from checked.mrr_things as r
where r._deleted_at is null;

-- show_number
select extract(
    epoch from clock_timestamp()
    - max((r.seen::timestamp at time zone 'Asia/Tokyo')) filter (where true)
)
from checked.mrr_things as r
where r._deleted_at is null;

-- show_repeated
select
    r.name,
    count(*)
from checked.mrr_things as r
where r._deleted_at is null and (r.size > 0) and num_nulls(r.name) = 0
group by r.name
having count(*) > 1;

-- show_rows
select r.no
from checked.fact_events as r
where not false and true and num_nulls(r.no) > 0;

-- show_rows
select r.id, r.seen
from checked.mrr_things as r
where r._deleted_at is null and true and r.seen > '2000-01-01';

-- show_rows
select r.id
from checked.mrr_things as r
where r._deleted_at is null and true and (r.id < 8 or r.id > 9);

-- show_rows
select r.id, r.size
from checked.mrr_things as r
where r._deleted_at is null and true and r.size not in (7);

-- show_rows
select r.id, r.size
from checked.mrr_things as r
where r._deleted_at is null and true and (
    num_nulls(r.size) = 0
    and not exists (
        select
        from checked.mrr_things as o
        where o.id = r.size and o._deleted_at is null
    )
);

-- show_sides
select
    s.of,
    s.left_value,
    s.right_value
from (
    select
        coalesce(l.of, o.of) as of,
        l.value as left_value,
        o.value as right_value,
        coalesce(abs(l.value - o.value) > '0', l.value is distinct from o.value) as differs
    from (
        select
            case when a.row ? 'value' then a.row - 'value' else '{}'::jsonb end as of,
            case
                when a.row ? 'value' then a.row ->> 'value'
                when (
                    select count(*) from jsonb_object_keys(a.row)
                ) > 1 then 'no column is named value'
                else (select each.value from jsonb_each_text(a.row) as each)
            end::numeric as value
        from (
            select to_jsonb(q) as row
            from (select 1) as q
        ) as a
    ) as l
    full join (
        select
            case when a.row ? 'value' then a.row - 'value' else '{}'::jsonb end as of,
            case
                when a.row ? 'value' then a.row ->> 'value'
                when (
                    select count(*) from jsonb_object_keys(a.row)
                ) > 1 then 'no column is named value'
                else (select each.value from jsonb_each_text(a.row) as each)
            end::numeric as value
        from (
            select to_jsonb(q) as row
            from (select 2) as q
        ) as a
    ) as o on l.of = o.of
) as s
where s.differs;
