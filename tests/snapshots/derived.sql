-- all
select
    v.id,
    v.sizes,
    array[]::text[] as _reasons
from landing_sold.derive_counts as v
where num_nulls(v.id) = 0;

-- all_keys
select id
from sold.stg_counts
where _deleted_at is null
union
select (r.key ->> 'id')::integer
from stg_rejects as r
where r.area = 'sold' and r.entity = 'counts' and r.resolved_at is null;

-- changed
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20;

-- clock_of
select max(w._extracted_at) as _extracted_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 0
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 0
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 0) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 0
) as w;

-- examine
select
    (
        select count(*)
        from landing_sold.counts
        where num_nulls(id) > 0
    ) as placeless,
    (
        select array[id::text]
        from landing_sold.counts
        where num_nulls(id) = 0
        group by id
        having count(*) > 1
        order by 1
        limit 1
    ) as repeated;

-- is_first
select
    not exists (select from sold.stg_sizes)
    and not exists (
        select
        from stg_rejects as r
        where r.area = 'sold' and r.entity = 'sizes' and r.resolved_at is null
    );

-- keys
select distinct k.id
from (
select t.id
from (select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c) as t
) as k
where num_nulls(k.id) = 0;

-- land
insert into landing_sold.counts (
    id,
    sizes,
    _reasons,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
with made as materialized (
select
    v.id,
    v.sizes,
    array[]::text[] as _reasons
from landing_sold.derive_counts as v
where num_nulls(v.id) = 0
)

select
    r.id,
    r.sizes,
    r._reasons,
    22::bigint as _batch_id,
    0::bigint as _seq,
    row_number() over () as _first_batch_id,
    (
        select max(c._extracted_at)
        from (
    select max(w._extracted_at) as _extracted_at
    from (
        select m.*
        from sold.stg_sizes as m
        where m._first_batch_id > 0
        union all
        select m.*
        from (
            select h.id, h.size
            from sold.stg_sizes_history as h
            where h._replaced_by > 0
            union
            select r.id, r.size
            from tidemark.rows_without_history('"sold"."stg_sizes"', 0) as w (place)
            inner join sold.stg_sizes as r on w.place = r.ctid
        ) as k
        inner join sold.stg_sizes as m on m.id = k.id and m.size = k.size
        where m._first_batch_id <= 0
    ) as w
        ) as c
    )::timestamptz as _extracted_at,
    r._deleted_at
from (
    select
        d.id,
        d.sizes,
        d._reasons,
        null::timestamptz as _deleted_at
    from made as d
    union all
    select
        g.id,
        m.sizes,
        array[]::text[] as _reasons,
        (
            select max(c._extracted_at)
            from (
        select max(w._extracted_at) as _extracted_at
        from (
            select m.*
            from sold.stg_sizes as m
            where m._first_batch_id > 0
            union all
            select m.*
            from (
                select h.id, h.size
                from sold.stg_sizes_history as h
                where h._replaced_by > 0
                union
                select r.id, r.size
                from tidemark.rows_without_history('"sold"."stg_sizes"', 0) as w (place)
                inner join sold.stg_sizes as r on w.place = r.ctid
            ) as k
            inner join sold.stg_sizes as m on m.id = k.id and m.size = k.size
            where m._first_batch_id <= 0
        ) as w
            ) as c
        )::timestamptz as _deleted_at
    from (
        select h.id
        from landing_sold."counts.touched" as k
        inner join sold.stg_counts as h on h.id = k.id
        where h._deleted_at is null
        union
        select k.id
        from landing_sold."counts.touched" as k
        inner join stg_rejects as r
            on
                r.area = 'sold'
                and r.entity = 'counts'
                and r.key = jsonb_build_object('id', k.id)
                and r.resolved_at is null
    ) as g
    left join sold.stg_counts as m on m.id = g.id
    where not exists (
        select
        from made as d
        where d.id = g.id
    )
) as r;

-- land_all
insert into landing_sold.sizes (
    id,
    size,
    _reasons,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at
)
select
    r.id,
    r.size,
    r._reasons,
    20::bigint as _batch_id,
    0::bigint as _seq,
    row_number() over () as _first_batch_id,
    (
        select max(c._extracted_at)
        from (
    select max(w._extracted_at) as _extracted_at
    from (
        select m.*
        from sold.stg_items as m
        where m._first_batch_id > 0
        union all
        select m.*
        from (
            select h.id
            from sold.stg_items_history as h
            where h._replaced_by > 0
            union
            select r.id
            from tidemark.rows_without_history('"sold"."stg_items"', 0) as w (place)
            inner join sold.stg_items as r on w.place = r.ctid
        ) as k
        inner join sold.stg_items as m on m.id = k.id
        where m._first_batch_id <= 0
    ) as w
        ) as c
    )::timestamptz as _extracted_at
from (
select
    v.id,
    v.size,
    array[]::text[] as _reasons
from landing_sold.derive_sizes as v
where num_nulls(v.id, v.size) = 0
) as r;

-- leave_out
delete from landing_sold.states
where num_nulls(id, at, n) > 0;

-- made_before
select m.id, m.size
from (select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c) as t
inner join sold.stg_sizes as m on m.id = t.id
where m._deleted_at is null;

-- made_now
select v.id, v.size
from (select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c) as t
cross join lateral (
    select x.*
    from landing_sold.derive_sizes as x
    where x.id = t.id
    offset 0
) as v;

-- named
select t.id
from (select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c) as t;

-- refused_before
select (r.key ->> 'id')::integer, (r.key ->> 'size')::integer
from (select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c) as t
inner join stg_rejects as r on (r.key ->> 'id')::integer = t.id
where r.area = 'sold' and r.entity = 'sizes' and r.resolved_at is null;

-- refused_observations
select
    (r.key ->> 'id')::integer, (r.key ->> 'at')::timestamp with time zone, (r.key ->> 'n')::integer
from stg_rejects as r
inner join landing_sold."states.touched" as k on (r.key ->> 'id')::integer = k.id
where r.area = 'sold' and r.entity = 'states' and r.resolved_at is null;

-- refused_rows
select k.id
from landing_sold."counts.touched" as k
inner join stg_rejects as r
    on
        r.area = 'sold'
        and r.entity = 'counts'
        and r.key = jsonb_build_object('id', k.id)
        and r.resolved_at is null;

-- some
select
    v.id,
    v.sizes,
    array[]::text[] as _reasons
from landing_sold."counts.touched" as k
cross join lateral (
    select x.*
    from landing_sold.derive_counts as x
    where x.id = k.id
    offset 0
) as v;

-- touched
select distinct c.id::integer as id
from (
select w.id, w.sizes, w.updated_at
from (
    select m.*
    from sold.stg_items as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id
        from sold.stg_items_history as h
        where h._replaced_by > 20
        union
        select r.id
        from tidemark.rows_without_history('"sold"."stg_items"', 20) as w (place)
        inner join sold.stg_items as r on w.place = r.ctid
    ) as k
    inner join sold.stg_items as m on m.id = k.id
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.sizes, h.updated_at
from sold.stg_items_history as h
where h._replaced_by > 20
) as c;

-- touched_by_query
with changed as (
select w.id, w.size
from (
    select m.*
    from sold.stg_sizes as m
    where m._first_batch_id > 20
    union all
    select m.*
    from (
        select h.id, h.size
        from sold.stg_sizes_history as h
        where h._replaced_by > 20
        union
        select r.id, r.size
        from tidemark.rows_without_history('"sold"."stg_sizes"', 20) as w (place)
        inner join sold.stg_sizes as r on w.place = r.ctid
    ) as k
    inner join sold.stg_sizes as m on m.id = k.id and m.size = k.size
    where m._first_batch_id <= 20
) as w
union all
select h.id, h.size
from sold.stg_sizes_history as h
where h._replaced_by > 20
)

select distinct q.id::integer as id
from (
select id from changed
) as q;
