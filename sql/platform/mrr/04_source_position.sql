create table tidemark.source_position (
    area text not null,
    entity text not null,
    item text not null,
    position jsonb not null,
    batch_id bigint not null,
    moved_at timestamptz not null default clock_timestamp(),
    constraint source_position_pkey primary key (area, entity, item),
    constraint source_position_is_an_object check (jsonb_typeof(position) = 'object')
);

comment on table tidemark.source_position is
'One row per area, entity and item of its source (the one item of a table is empty): how far it has
been read. It moves in the transaction that lands the rows, so a restored mirror reads again what it
lost.';
comment on column tidemark.source_position.position is
'In the source''s own terms. high: the high-water mark, where there is one. Of a PostgreSQL table
beside it: what deletes had left behind, and the source''s clock, when keys were compared last.';

insert into tidemark.source_position (area, entity, item, position, batch_id, moved_at)
select
    m.area,
    m.entity,
    '' as item,
    jsonb_strip_nulls(
        jsonb_build_object(
            'high', m.high_water_mark, 'deletes', t.trace, 'compared_at', t.compared_at
        )
    ) as position,
    m.batch_id,
    m.moved_at
from tidemark.extraction_mark as m
left join tidemark.delete_trace as t on m.area = t.area and m.entity = t.entity;

drop table tidemark.extraction_mark;
drop table tidemark.delete_trace;
