-- Checks: one number for each, of the rows of one table.

-- {rows}    r: the table, or those of its rows that are judged; {is_live} is a condition over r
-- {bad}     condition over r: the row breaks a check
-- {looked}  condition over r: the check's `where`

-- A statement yields the measures of the checks of one table, by their places.
-- name: of_rows
select
    {places}::int[] as places,
    array[{measures}]::numeric[] as measures
from {rows} as r
where {is_live}

-- name: alone
select
    {places}::int[] as places,
    array[{measures}]::numeric[] as measures

-- name: all_rows
true

-- name: looked
({looked})

-- name: refuses
({looked} and {bad})

-- name: bad_rows
count(*) filter (where {looked} and {bad})

-- name: bad_rows_and_refused
count(*) filter (where {looked} and {bad}) + {refused}

-- name: count_rows
count(*) filter (where {looked})

-- name: count_rows_and_refused
count(*) filter (where {looked}) + {refused}

-- name: count_all
(
    select count(*)
    from {rows} as r
    where {is_live} and {looked}
)

-- name: age
extract(epoch from clock_timestamp() - max(({r.column}::timestamptz)) filter (where {looked}))

-- name: age_in_zone
extract(
    epoch from clock_timestamp()
    - max(({r.column}::timestamp at time zone {zone})) filter (where {looked})
)

-- Rows that are one too many. Only the values of judged rows are looked up, among all rows.
-- name: repeated
coalesce(
    (
        select sum(same.many - 1)
        from (
            select count(*) as many
            from {rows} as r
            where {is_live} and {looked} and num_nulls({r.columns}) = 0 and {is_shown}
            group by {r.columns}
            having count(*) > 1
        ) as same
    ),
    0
)

-- name: is_shown
({r.columns}) in (
    select {w.columns}
    from ({written}) as w
)

-- name: written_rows
select {r.columns}
from {rows} as r
where {is_live}

-- name: repeated_in_items
coalesce(
    (
        select sum(k.surplus)
        from tidemark.repeated_key as k
        where k.area = {area} and k.entity = {entity}
    ),
    0
)

-- name: of_query
(
    select count(*)
    from ({query}) as must_not_be
)

-- name: unlike
(
    select count(*)
    from {sides}
    where s.differs
)

-- The numbers of two queries, side by side: `of` is all that they say beside the number.
-- name: sides
(
    select
        coalesce(l.of, o.of) as of,
        l.value as left_value,
        o.value as right_value,
        coalesce(abs(l.value - o.value) > {tolerance}, l.value is distinct from o.value) as differs
    from {left} as l
    full join {right} as o on l.of = o.of
) as s

-- name: side
(
    select
        case when a.row ? 'value' then a.row - 'value' else '{{}}'::jsonb end as of,
        case
            when a.row ? 'value' then a.row ->> 'value'
            when (select count(*) from jsonb_object_keys(a.row)) > 1 then 'no column is named value'
            else (select each.value from jsonb_each_text(a.row) as each)
        end::numeric as value
    from (
        select to_jsonb(q) as row
        from ({query}) as q
    ) as a
)

-- Rows that MRR could not take since they have no key, and all that it could not take.
-- name: refused_without
(
    select count(*)
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
)

-- name: refused
(
    select count(*)
    from tidemark.refused as f
    where
        f.area = {area}
        and f.entity = {entity}
        and f.ended_by is null
        and f.batch_id > {since}
)

-- name: lacks
num_nulls({r.columns}) > 0

-- name: is_none_of
{r.column} not in ({values})

-- name: is_below
{r.column} < {least}

-- name: is_above
{r.column} > {greatest}

-- name: is_beyond
({r.column} < {least} or {r.column} > {greatest})

-- name: does_not_match
{r.column} !~ {pattern}

-- name: points_nowhere
(
    num_nulls({r.columns}) = 0
    and not exists (
        select
        from {others} as o
        where {o.key = r.columns} and {is_there}
    )
)

-- The rows of a mirror.
-- name: is_live
r._deleted_at is null

-- name: is_there
o._deleted_at is null

-- name: lost
select
    {entity} as entity,
    exists (
        select
        from {written} as r
        where r._deleted_at is not null
    ) as lost

-- name: alone_value
select {value}
