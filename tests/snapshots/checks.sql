-- alone
select
    array[0]::int[] as places,
    array[coalesce(
    (
        select sum(k.surplus)
        from tidemark.repeated_key as k
        where k.area = 'dropped' and k.entity = 'dropped'
    ),
    0
)]::numeric[] as measures;

-- alone
select
    array[1, 11, 12]::int[] as places,
    array[coalesce(
    (
        select sum(same.many - 1)
        from (
            select count(*) as many
            from checked.mrr_things as r
            where r._deleted_at is null and (size > 0) and num_nulls(r.name) = 0 and (r.name) in (
                select r.name
                from checked.mrr_things as r
                where r._deleted_at is null and r._batch_id > 29
            )
            group by r.name
            having count(*) > 1
        ) as same
    ),
    0
), (
    select count(*)
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
), (
    select count(*)
    from (select id from checked.mrr_things) as must_not_be
)]::numeric[] as measures;

-- alone_value
select (
    select count(*)
    from checked.mrr_things as r
    where r._deleted_at is null and true
);

-- lost
select
    'things' as entity,
    exists (
        select
        from checked.mrr_things as r
        where r._deleted_at is not null and r._batch_id > 27
    ) as lost;

-- of_rows
select
    array[3]::int[] as places,
    array[count(*) filter (where true and (
    num_nulls(r.size) = 0
    and not exists (
        select
        from checked.mrr_things as o
        where o.id = r.size and o._deleted_at is null
    )
))]::numeric[] as measures
from checked.mrr_things as r
where r._deleted_at is null and r._batch_id > 27;

-- of_rows
select
    array[4, 5]::int[] as places,
    array[count(*) filter (where true and num_nulls(r.id) > 0) + (
    select count(*)
    from tidemark.refused as f
    where
        f.area = 'dropped'
        and f.entity = 'whole'
        and f.ended_by is null
        and exists (
            select
            from unnest(f.reasons) as reason (reason)
            where
                reason.reason like 'key is null: %'
                and string_to_array(substr(reason.reason, 14), ', ') && array['id']::text[]
        )
), count(*) filter (where true) + (
    select count(*)
    from tidemark.refused as f
    where
        f.area = 'dropped'
        and f.entity = 'whole'
        and f.ended_by is null
        and f.batch_id > 0
)]::numeric[] as measures
from public.mrr_whole as r
where r._deleted_at is null and true;

-- of_rows
select
    array[4]::int[] as places,
    array[count(*) filter (where true and (
    num_nulls(r.size) = 0
    and not exists (
        select
        from checked.dim_things as o
        where o.id = r.size
        and (o.is_current and not o.is_deleted and not o.is_inferred and o.thing_key <> 0)
    )
))]::numeric[] as measures
from checked.dim_things as r
where (r.is_current and not r.is_deleted and not r.is_inferred and r.thing_key <> 0) and true;

-- sample
select jsonb_build_object('id', r.id::text)
from checked.mrr_things as r
where r._deleted_at is null and true and true and r.size < 8
limit 5;

-- sample
select jsonb_build_object('id', r.id::text)
from checked.dim_things as r
where (r.is_current and not r.is_deleted and not r.is_inferred and r.thing_key <> 0) and exists (
    select
    from landing_checked.things as l
    where l.id = r.id
) and true and (
    num_nulls(r.size) = 0
    and not exists (
        select
        from checked.dim_things as o
        where o.id = r.size
        and (o.is_current and not o.is_deleted and not o.is_inferred and o.thing_key <> 0)
    )
)
limit 5;

-- sample_of_items
select each.key || jsonb_build_object('_file', k.item)
from tidemark.repeated_key as k
cross join lateral jsonb_array_elements(k.keys) as each (key)
where k.area = 'dropped' and k.entity = 'dropped'
order by k.item, each.key
limit 5;

-- sample_of_query
select to_jsonb(q)
from (select id from checked.dim_things) as q
limit 5;

-- sample_of_repeated
select jsonb_build_object('id', r.id::text)
from checked.mrr_things as r
where
    r._deleted_at is null
    and (size > 0)
    and (r.name) in (
        select r.name
        from checked.mrr_things as r
        where r._deleted_at is null and (size > 0) and num_nulls(r.name) = 0
        group by r.name
        having count(*) > 1
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
where r._deleted_at is null and (size > 0) and num_nulls(r.name) = 0
group by r.name
having count(*) > 1;

-- show_rows
select r.*
from checked.fact_events as r
where not false and true and num_nulls(r.no) > 0;

-- show_rows
select r.*
from checked.mrr_things as r
where r._deleted_at is null and true and r.name::text !~ '^x';

-- show_rows
select r.*
from checked.mrr_things as r
where r._deleted_at is null and true and r.seen > '2000-01-01';

-- show_rows
select r.*
from checked.mrr_things as r
where r._deleted_at is null and true and (r.id < 8 or r.id > 9);

-- show_rows
select r.*
from checked.mrr_things as r
where r._deleted_at is null and true and r.size not in (7);

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
