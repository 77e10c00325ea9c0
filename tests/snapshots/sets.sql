-- count
select
    count(*) filter (where _is_gone),
    count(*)
from landing_dropped."whole.live"
group by _set
order by _set;

-- live
with landed as (
    select distinct
        id,
        width_bucket(_seq, array[1, 2]::bigint[])::bigint as _shown
    from (
        select
            l.id,
            l.v,
            i.item as _file,
            coalesce(l._line, l._seq - i.first + 1) as _line,
            l._seq,
            i.at as _extracted_at,
            l._deleted_at
        from landing_dropped.whole as l
        inner join (
            select
                first,
                item,
                number::int as number,
                timestamptz '2025-01-01Z'::timestamptz + make_interval(
                    secs => (number - 1) / 1e6
                ) as at
            from unnest(
                array[1, 2]::bigint[], array['whole/1.csv', 'whole/2.csv']::text[]
            ) with ordinality as u (first, item, number)
            offset 0
        ) as i on i.number = width_bucket(l._seq, array[1, 2]::bigint[])
    ) as rows_of_sets
),

shown as (
    select
        id,
        0::bigint as _shown
    from public.mrr_whole
    where _deleted_at is null
    union all
    select
        id,
        _shown
    from landed
),

next as (
    select distinct
        id,
        (array[1, 2]::bigint[])[width_bucket(_shown, array[1, 2]::bigint[]) + 1] as _set
    from shown
)

select
    n.id,
    n._set,
    not exists (
        select
        from landed as o
        where o.id = n.id and o._shown = n._set
    ) as _is_gone
from next as n
where n._set is not null;
