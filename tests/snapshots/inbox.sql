-- keys
select distinct r.id
from (select
    i.event_id,
    i.received_at,
    i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
    row_number() over (order by i.batch_id, i.id) as _seq,
    array_remove(
        array[case when coalesce(
            i.payload -> 'id', 'null'
        ) = 'null' then 'id' || ': missing' end]::text[],
        null
    ) as _reasons
from tidemark.inbox as i
where
    i.area = 'posted'
    and i.kind = 'keyed'
    and (i.batch_id is not null or i.id <@ '{}'::int8multirange)) as r
where
    cardinality(r._reasons) = 0
    and num_nulls(case when pg_input_is_valid(r.id, 'integer') then r.id end) = 0;

-- rows
select
    i.event_id,
    i.received_at,
    i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
    i.id as _seq,
    array_remove(
        array[case when coalesce(
            i.payload -> 'id', 'null'
        ) = 'null' then 'id' || ': missing' end]::text[],
        null
    ) as _reasons
from tidemark.inbox as i
where
    i.area = 'posted'
    and i.kind = 'keyed'
    and i.batch_id is null
    and i.id <@ '{[9,10)}'::int8multirange;

-- sent
select r.event_id, r.received_at, r.id, r.said, r._seq
from (select
    i.event_id,
    i.received_at,
    i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
    i.id as _seq,
    array_remove(
        array[case when coalesce(
            i.payload -> 'id', 'null'
        ) = 'null' then 'id' || ': missing' end]::text[],
        null
    ) as _reasons
from tidemark.inbox as i
where
    i.area = 'posted'
    and i.kind = 'keyed'
    and i.batch_id is null
    and i.id <@ '{[9,10)}'::int8multirange) as r
where cardinality(r._reasons) = 0;

-- sent
select r.event_id, r.received_at, r.id, r.said, r._reasons
from (select
    i.event_id,
    i.received_at,
    i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
    row_number() over (order by i.batch_id, i.id) as _seq,
    array_remove(
        array[case when coalesce(
            i.payload -> 'id', 'null'
        ) = 'null' then 'id' || ': missing' end]::text[],
        null
    ) as _reasons
from tidemark.inbox as i
where
    i.area = 'posted'
    and i.kind = 'posted'
    and (i.batch_id is not null or i.id <@ '{[1,5)}'::int8multirange)) as r
where cardinality(r._reasons) > 0;

-- sent
select r.event_id, r.received_at, r.id, r.said, r._seq, r._reasons
from (select
    i.event_id,
    i.received_at,
    i.payload ->> 'id' as id, nullif(i.payload -> 'said', 'null') as said,
    row_number() over (order by i.batch_id, i.id) as _seq,
    array_remove(
        array[case when coalesce(
            i.payload -> 'id', 'null'
        ) = 'null' then 'id' || ': missing' end]::text[],
        null
    ) as _reasons
from tidemark.inbox as i
where
    i.area = 'posted'
    and i.kind = 'keyed'
    and (i.batch_id is not null or i.id <@ '{}'::int8multirange)) as r
where (case when pg_input_is_valid(r.id, 'integer') then r.id::integer end)
in (select id from (select id::integer as id from unnest(array['1']::text[]) as k (id)) as named);

-- take
update tidemark.inbox as i
set batch_id = 36
where
    i.area = 'posted'
    and i.batch_id is null
    and i.id <@ '{[1,5)}'::int8multirange;
