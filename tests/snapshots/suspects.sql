-- keep
insert into tidemark.suspect (area, entity, key, batch_id, check_name)
select
    'checked',
    'things',
    jsonb_build_object('id', m.id::text),
    m._batch_id,
    'stg between {''between'': {''column'': ''id'', ''min'': 8, ''max'': 9}}'
from jsonb_array_elements('''[{"id": "1"}, {"id": "3"}]'''::jsonb) as k (key)
cross join lateral jsonb_populate_record(null::checked.stg_things, k.key) as p
inner join checked.stg_things as m on m.id = p.id
where m._deleted_at is null
on conflict do nothing;

-- keep_all
insert into tidemark.suspect (area, entity, key, batch_id, check_name)
select
    'checked',
    'things',
    '{}',
    b.batch_id,
    'stg row_count {''row_count'': {''max'': 0}}'
from tidemark.applied_batch as b
where b.area = 'checked' and b.batch_id > 30
on conflict do nothing;

-- without
select
    v.id,
    v.name,
    v.size,
    v.seen,
    v.updated_at,
    v._batch_id,
    v._seq,
    v._first_batch_id,
    v._extracted_at,
    v._deleted_at
from (select w.id, w.name, w.size, w.seen, w.updated_at, w._batch_id, w._seq, w._first_batch_id, w._extracted_at, w._deleted_at
from (
    select m.*
    from checked.stg_things as m
    where m._first_batch_id > 29
    union all
    select m.*
    from (
        select h.id
        from checked.stg_things_history as h
        where h._replaced_by > 29
        union
        select r.id
        from tidemark.rows_without_history('"checked"."stg_things"', 29) as w (place)
        inner join checked.stg_things as r on w.place = r.ctid
    ) as k
    inner join checked.stg_things as m on m.id = k.id
    where m._first_batch_id <= 29
) as w
union all
select
    h.id,
    h.name,
    h.size,
    h.seen,
    h.updated_at,
    h._batch_id,
    h._seq,
    h._first_batch_id,
    h._extracted_at,
    h._deleted_at
from checked.stg_things_history as h
where h._replaced_by > 29 and h._batch_id > 29) as v
where not exists (
    select
    from tidemark.suspect as s
    where
        s.area = 'checked'
        and s.entity = 'things'
        and s.batch_id = v._batch_id
        and (s.key = '{}' or s.key = jsonb_build_object('id', v.id::text))
        and (
            exists (
                select
                from checked.stg_things as n
                where
                    n.id = v.id
                    and n._batch_id > v._batch_id
                    and n._batch_id <= coalesce(
                        s.until,
                        case when s.batch_id <= 29 then 29 else n._batch_id end
                    )
            )
            or exists (
                select
                from checked.stg_things_history as n
                where
                    n.id = v.id
                    and n._batch_id > v._batch_id
                    and n._batch_id <= coalesce(
                        s.until,
                        case when s.batch_id <= 29 then 29 else n._batch_id end
                    )
            )
        )
);
