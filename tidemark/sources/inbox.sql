-- The inbox of events in MRR as a source.

-- The clock, and the ids that no batch has taken, as ranges: they are few, however many events there
-- are.
-- name: look
select
    clock_timestamp() as clock,
    n.kind,
    n.ids,
    n.events
from (values (1)) as one (row)
left join (
    select
        i.kind,
        range_agg(int8range(i.id, i.id, '[]'))::text as ids,
        count(*) as events
    from tidemark.inbox as i
    where i.area = %(area)s and i.batch_id is null
    group by i.kind
) as n on true

-- name: sent
select {r.columns}
from ({rows}) as r
where {condition}

-- name: rows
select
    i.event_id,
    i.received_at,
    {values as fields},
    {seq} as _seq,
    array_remove(array[{lacks}]::text[], null) as _reasons
from tidemark.inbox as i
where
    i.area = {area}
    and i.kind = {kind}
    and {condition}

-- name: arrived
i.id

-- One that committed late has been taken behind others whose ids are larger.
-- name: taken
row_number() over (order by i.batch_id, i.id)

-- JSON's null is no value.
-- name: text_of
i.payload ->> {field}

-- name: json_of
nullif(i.payload -> {field}, 'null')

-- name: lacks
case when coalesce(i.payload -> {field}, 'null') = 'null' then {field} || ': missing' end

-- name: is_whole
cardinality(r._reasons) = 0

-- name: lacks_some
cardinality(r._reasons) > 0

-- name: new
i.batch_id is null
and i.id <@ {ids}::int8multirange

-- name: all
(i.batch_id is not null or i.id <@ {ids}::int8multirange)

-- What is no value of the key's type is no key.
-- name: named
({case when pg_input_is_valid(r.key, names) then r.key::types end})
in (select {key} from {keys} as named)

-- name: keys
select distinct {r.key}
from ({rows}) as r
where
    cardinality(r._reasons) = 0
    and num_nulls({case when pg_input_is_valid(r.key, names) then r.key end}) = 0

-- Events that came after they were refused: they were corrected, or sent again. A queue may have
-- brought one of them as an event of nobody.
-- name: end_refused
update tidemark.refused as r
set ended_by = %(batch_id)s, ended_at = clock_timestamp()
from tidemark.inbox as i
where
    r.event_id = i.event_id
    and (r.area = i.area or r.entity = '(unknown)')
    and r.ended_by is null
    and i.area = %(area)s
    and i.batch_id is null
    and i.id <@ %(ids)s::int8multirange
    and i.received_at > r.refused_at

-- Events that a queue brought and that were refused there.
-- name: take_refused
update tidemark.refused as r
set batch_id = %(batch_id)s
where r.area = %(area)s and r.batch_id is null and r.entity = any(%(entities)s)

-- name: take
update tidemark.inbox as i
set batch_id = {batch_id}
where
    i.area = {area}
    and i.batch_id is null
    and i.id <@ {ids}::int8multirange

-- name: count
select
    i.kind,
    count(*) as events
from tidemark.inbox as i
where i.area = %(area)s and i.batch_id is not null
group by i.kind

-- name: has_new
select exists (
    select
    from tidemark.inbox as i
    where i.area = %(area)s and i.batch_id is null and i.kind = any(%(kinds)s)
)
or exists (
    select
    from tidemark.refused as r
    where r.area = %(area)s and r.batch_id is null and r.entity = any(%(entities)s)
)

-- The last event of each key that was taken, but for those that MRR refused. A key may be spelled in
-- several ways, as 1 and 01.
-- name: compared
(
    select
        {texts as columns},
        false as _pending
    from (
        select distinct on ({r.key::types}) r.*
        from ({rows}) as r
        where
            cardinality(r._reasons) = 0
            and not exists (
                select
                from tidemark.refused as f
                where
                    f.area = {area}
                    and f.entity = {entity}
                    and f.item = ''
                    and f.ended_by is null
                    and f.event_id = r.event_id
            )
        order by {r.key::types}, r._seq desc
    ) as c
)

-- name: strange
select
    i.kind,
    count(*) as events
from tidemark.inbox as i
where i.area = %(area)s and i.batch_id is null and i.kind <> all(%(kinds)s)
group by i.kind
order by i.kind

-- name: as_text
{column}::{type}::text
