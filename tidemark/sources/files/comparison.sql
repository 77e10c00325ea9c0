-- Files that were read again, beside the mirror that took them.

-- Of each key the record at which the mirror's row points, else the last one, of the files whose keys
-- have to be there. A row whose file is not here any more is compared with itself.
-- name: compared
(
    with landed as (
        select
            {l.payload},
            l._seq,
            i.item as _file,
            coalesce(l._line, l._seq - i.first + 1) as _line
        from {landing} as l
        inner join
                unnest({firsts}::bigint[], {items}::text[]) with ordinality as i (first, item, number)
            on i.number = width_bucket(l._seq, {firsts}::bigint[])
    ),

    found as (
        select distinct on ({l.key})
            {l.columns}
        from landed as l
        left join {mirror} as m
            on {m.key = l.key} and m._file = l._file and m._line = l._line and m._deleted_at is null
        where m._file is not null or l._file = any ({whole}::text[])
        order by {l.key}, m._file is null, l._seq desc
    )

    select
        {columns::text as columns},
        false as _pending
    from (
        select {f.columns}
        from found as f
        where not exists (
            select
            from {mirror} as m
            where {m.key = f.key} and m._deleted_at is null and m._file <> all ({items}::text[])
        )
        union all
        select {m.columns}
        from {mirror} as m
        where m._deleted_at is null and m._file <> all ({items}::text[])
    ) as q
)
