-- What views read of Tidemark's.

-- The views of live rows, and the tables with lineage columns, that views read by themselves or
-- through views of others.
-- name: reads
with recursive given as (
    select
        v.position,
        to_regclass(format('%%I.%%I', v.schema_name, v.name)) as view
    from unnest(%(schemas)s::text[], %(views)s::text[]) with ordinality
    as v (schema_name, name, position)
),

live as (
    select to_regclass(format('%%I.%%I', v.schema_name, v.name)) as view
    from unnest(%(live_schemas)s::text[], %(live)s::text[]) as v (schema_name, name)
),

reading as (
    select
        g.position,
        g.view as relation
    from given as g
    union
    select
        r.position,
        d.refobjid::regclass
    from reading as r
    inner join pg_rewrite as w on r.relation = w.ev_class
    inner join pg_depend as d
        on
            w.oid = d.objid
            and d.classid = 'pg_rewrite'::regclass
            and d.refclassid = 'pg_class'::regclass
            and d.refobjid <> w.ev_class
    where
        r.relation not in (
            select l.view
            from live as l
            where l.view is not null
        )
)

select
    r.position::int,
    n.nspname::text,
    c.relname::text
from reading as r
inner join pg_class as c on r.relation = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.oid in (select l.view from live as l)
    or c.relkind in ('r', 'p')
    and exists (
        select
        from pg_attribute as a
        where a.attrelid = c.oid and a.attname = '_extracted_at' and not a.attisdropped
    )
order by 1, 2, 3
