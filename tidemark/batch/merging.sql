-- From the landing table into the mirror.
--
-- {landing} is the relation of what has landed

-- name: incoming
(
    select
        {landed.payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        coalesce(landed._extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        null::timestamptz as _deleted_at
    from {landing} as landed
)

-- Records, whose key is their place in a file. What a file shows no more that comes again is gone.
-- name: records
(
    select
        {landed.payload},
        {batch_id}::bigint as _batch_id,
        0::bigint as _seq,
        landed._extracted_at,
        null::timestamptz as _deleted_at
    from {landing} as landed
    union all
    select
        {g.payload},
        {batch_id}::bigint,
        0::bigint,
        {extracted_at}::timestamptz,
        {extracted_at}::timestamptz
    from {mirror} as g
    where
        g._file = any({items}::text[])
        and g._deleted_at is null
        and not exists (
            select
            from {landing} as shown
            where {shown.key = g.key}
        )
)

-- Versions, of which a key may have several, in the order in which the source has shown them.
-- name: versions
(
    select
        {landed.payload},
        {batch_id}::bigint as _batch_id,
        coalesce(landed._seq, 0) as _seq,
        coalesce(landed._extracted_at, {extracted_at}::timestamptz) as _extracted_at,
        landed._deleted_at,
        landed._deleted_at is not null as _follows
    from {landing} as landed
)

-- name: forget_repeated
delete from tidemark.repeated_key as k
where k.area = {area} and k.entity = {entity} and {again}

-- name: is_any
true

-- name: is_item
k.item = any({items}::text[])

-- Rows of one key in one item, as they landed, from a row on.
-- name: keep_repeated
insert into tidemark.repeated_key (area, entity, item, surplus, keys, batch_id)
select
    {area},
    {entity},
    r._item,
    sum(r._many - 1),
    to_jsonb((array_agg(r._key order by r._key))[1:1000]),
    {batch_id}
from (
    select
        {item}::text as _item,
        jsonb_build_object({'key', landed.key::text}) as _key,
        count(*) as _many
    from {landing} as landed
    where landed._seq >= {since} and num_nulls({landed.key}) = 0
    group by {item}, {landed.key}
    having count(*) > 1
) as r
group by r._item
