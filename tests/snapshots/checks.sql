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
    array[2, 12, 13]::int[] as places,
    array[coalesce(
        (
            select sum(same.many - 1)
            from (
                select count(*) as many
                from checked.dim_things as r
                where (r.is_current and not r.is_deleted and not r.is_inferred and r.thing_key <> 0)
                and (r.size > 0)
                and num_nulls(r.name) = 0
                and (r.name) in (
                    select w.name
                    from (select r.name
                    from (
                        select r.*
                        from checked.dim_things as r
                        where (r.id) in (
                            select l.id
                            from landing_checked.things as l
                        )
                    ) as r
                    where (
                        r.is_current
                        and not r.is_deleted
                        and not r.is_inferred
                        and r.thing_key <> 0)
                    ) as w
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
        from (select id from checked.dim_things) as must_not_be
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
        from (
            select m.*
            from checked.mrr_things as m
            where m._first_batch_id > 27
            union all
            select m.*
            from (
                select h.id
                from checked.mrr_things_history as h
                where h._replaced_by > 27
                union
                select r.id
                from tidemark.rows_without_history('"checked"."mrr_things"', 27) as w (place)
                inner join checked.mrr_things as r on w.place = r.ctid
            ) as k
            inner join checked.mrr_things as m on m.id = k.id
            where m._first_batch_id <= 27
        ) as r
        where r._deleted_at is not null
    ) as lost;

-- of_rows
select
    array[0, 1]::int[] as places,
    array[count(*) filter (where true and num_nulls(r.customer_name) > 0),
    count(*) filter (where true and r.email::text !~ '^[^@ ]+@[^@ ]+$')]::numeric[] as measures
from public.dwh_dim_customers as r
where (r.is_current and not r.is_deleted and not r.is_inferred and r.customer_key <> 0);

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
where r._deleted_at is null;

-- written_rows
select r.name
from (
    select r.*
    from checked.dim_things as r
    where (r.id) in (
        select l.id
        from landing_checked.things as l
    )
) as r
where (r.is_current and not r.is_deleted and not r.is_inferred and r.thing_key <> 0);
