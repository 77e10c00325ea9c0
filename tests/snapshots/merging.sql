-- forget_repeated
delete from tidemark.repeated_key as k
where k.area = 'dropped' and k.entity = 'whole' and true;

-- forget_repeated
delete from tidemark.repeated_key as k
where k.area = 'dropped'
and k.entity = 'dropped'
and k.item = any(array['dropped/1.csv', 'dropped/2.csv']::text[]);

-- keep_repeated
insert into tidemark.repeated_key (area, entity, item, surplus, keys, batch_id)
select
    'dropped',
    'whole',
    r._item,
    sum(r._many - 1),
    to_jsonb((array_agg(r._key order by r._key))[1:1000]),
    34
from (
    select
        landed._file::text as _item,
        jsonb_build_object('id', landed.id::text) as _key,
        count(*) as _many
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
    ) as landed
    where landed._seq >= 2 and num_nulls(landed.id) = 0
    group by landed._file, landed.id
    having count(*) > 1
) as r
group by r._item;
