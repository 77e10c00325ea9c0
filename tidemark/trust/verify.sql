-- reserved in: key

-- Counts, and rejects, which are compared by their reasons.

-- name: is_applied
c._batch_id <= {applied}

-- name: reject_differences
select
    array[{coalesce(s.document, r.document) ->> 'key'}],
    case
        when r.document is null then 'missing'
        when s.document is null then 'surplus'
        else 'changed'
    end
from (
    select
        jsonb_build_object({'key', l.key}) as document,
        c.reasons
    from (
        select
            c._landed,
            array_agg(distinct reason.reason order by reason.reason) as reasons
        from {cleaned} as c
        cross join lateral unnest(c.reject_reasons) as reason (reason)
        where
            c.reject_reasons <> '{{}}'
            and c._deleted_at is null
            and c._batch_id <= {applied}
        group by c._landed
    ) as c
    inner join {landing} as l on c._landed = l._first_batch_id
) as s
full join (
    select
        o.key as document,
        o.reasons
    from stg_rejects as o
    where
        o.area = %(area)s
        and o.entity = %(entity)s
        and o.item is null
        and o.resolved_at is null
        and o.key not in (
            select jsonb_build_object({'key', l.key})
            from {landing} as l
            where l._batch_id > {applied}
        )
) as r on s.document = r.document
where s.reasons is distinct from r.reasons
order by 2, 1

-- name: clock
select clock_timestamp()

-- name: mirrored_rows
select {t.columns}
from {mirror} as t
where t._deleted_at is null or t._batch_id > {applied}

-- How many rows STG has or has refused without an earlier good version, how many are pending, and how
-- many count as deleted.
-- name: staged_counts
select
    (
        select count(*)
        from {mirror}
        where _deleted_at is null
    )
    + (
        select count(*)
        from {cleaned} as c
        where
            c.reject_reasons <> '{{}}'
            and c._deleted_at is null
            and c._batch_id <= {applied}
            and c._held is null
            and not exists (
                select
                from {mirror} as m
                where {m.key = c.key} and m._deleted_at is null and c._mrr_key is null
            )
    ),
    (
        select count(*)
        from {cleaned}
        where _batch_id > {applied}
    ),
    (
        select count(*)
        from {cleaned}
        where _batch_id <= {applied} and _deleted_at is not null
    )
