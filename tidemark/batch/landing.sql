-- Landed rows of files, which are numbered as they land: each with its file, and its place in it.
-- {firsts} are the numbers of the first rows of {items}, in their order.

-- `offset 0` lets PostgreSQL compute an item's clock once, and not for each of its rows.
-- name: placed
(
    select
        {l.columns},
        i.item as _file,
        coalesce(l._line, l._seq - i.first + 1) as _line,
        l._seq,
        i.at as _extracted_at,
        l._deleted_at
    from {landing} as l
    inner join (
        select
            first,
            item,
            number::int as number,
            {clock}::timestamptz + make_interval(secs => (number - 1) / 1e6) as at
        from unnest({firsts}::bigint[], {items}::text[]) with ordinality as u (first, item, number)
        offset 0
    ) as i on i.number = width_bucket(l._seq, {firsts}::bigint[])
)

-- The same where one item has brought all rows.
-- name: placed_in_one
(
    select
        {l.columns},
        {item}::text as _file,
        coalesce(l._line, l._seq - {first} + 1) as _line,
        l._seq,
        {clock}::timestamptz as _extracted_at,
        l._deleted_at
    from {landing} as l
)

-- The last version of each key.
-- name: last
(
    select distinct on ({key})
        {payload},
        _seq,
        _extracted_at,
        _deleted_at
    from {landed} as placed
    where _seq >= {since}
    order by {key}, _seq desc
)
