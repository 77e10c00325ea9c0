-- What aggregates read, and what was published of them.

-- What the views of aggregates read, by themselves and through other views: relations are read off the
-- rules, since PostgreSQL records no dependency on its own; columns off the dependencies. A rule that
-- reads a whole row reads every column of what it reads. A view may read more than is asked of it: what
-- the plan does not name does not count. (A rule is a long text. It is searched once, and not for each
-- column.)
-- name: reads
with recursive given as (
    select
        v.position,
        v.what,
        to_regclass(format('%%I.%%I', v.schema_name, v.name))::oid as view
    from unnest(%(positions)s::int[], %(whats)s::text[], %(schemas)s::text[], %(views)s::text[])
    as v (position, what, schema_name, name)
),

reading as (
    select
        g.position,
        g.what,
        g.view as relation
    from given as g
    where g.view is not null
    union
    select
        r.position,
        r.what,
        found.relid
    from reading as r
    inner join pg_class as c on r.relation = c.oid and c.relkind = 'v'
    inner join pg_rewrite as w on c.oid = w.ev_class
    cross join lateral (
        select distinct m.match[1]::oid as relid
        from regexp_matches(w.ev_action::text, ':relid (\d+)', 'g') as m (match)
    ) as found
    where found.relid not in (0, r.relation)
),

plans as (
    select
        g.position,
        g.what,
        tidemark.plan_of(g.view) as plan
    from given as g
    where g.view is not null
),

rules as (
    select
        r.position,
        r.what,
        c.oid as view,
        w.oid as rule,
        w.ev_action::text as action,
        strpos(w.ev_action::text, ':varattno 0 ') > 0 as reads_whole_rows
    from reading as r
    inner join pg_class as c on r.relation = c.oid and c.relkind = 'v'
    inner join pg_rewrite as w on c.oid = w.ev_class
),

functions as (
    select distinct
        u.position,
        p.oid,
        p.proname,
        p.pronargs,
        p.provolatile,
        p.prosrc
    from rules as u
    cross join lateral
        regexp_matches(u.action, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') as m (match)
    inner join pg_proc as p on m.match[1]::oid = p.oid
)

select
    a.position,
    (
        select json_agg(json_build_array(x.what, n.nspname, x.relname, x.columns))
        from (
            select
                r.what,
                c.relnamespace,
                c.relname,
                (
                    select json_agg(distinct t.attname)
                    from rules as u
                    inner join pg_depend as d
                        on
                            u.rule = d.objid
                            and d.classid = 'pg_rewrite'::regclass
                            and d.refclassid = 'pg_class'::regclass
                            and d.refobjid = r.relation
                    inner join pg_attribute as t
                        on
                            r.relation = t.attrelid
                            and t.attnum > 0
                            and not t.attisdropped
                            and (d.refobjsubid = t.attnum or u.reads_whole_rows)
                    inner join plans as l
                        on
                            u.position = l.position
                            and u.what = l.what
                            and strpos(l.plan, quote_ident(t.attname)) > 0
                            and (c.relkind = 'p' or strpos(l.plan, quote_ident(c.relname)) > 0)
                    where u.position = r.position and u.what = r.what
                ) as columns
            from reading as r
            inner join pg_class as c on r.relation = c.oid
            where r.position = a.position and c.relkind <> 'v'
        ) as x
        inner join pg_namespace as n on x.relnamespace = n.oid
    ) as reads,
    (
        select json_agg(distinct s.said)
        from (
            select f.oid::regprocedure::text as said
            from functions as f
            where
                f.position = a.position
                and (
                    f.provolatile = 'v'
                    or f.provolatile = 's'
                    and (
                        f.oid >= 16384
                        or f.pronargs = 0
                        or f.proname = 'age' and f.pronargs = 1
                        or f.proname ~ '^(pg|has|inet|txid|to_reg|current|query_to|table_to|schema)'
                    )
                )
            union all
            select 'current_date or the like'
            from rules as u
            where u.position = a.position and strpos(u.action, '{{SQLVALUEFUNCTION') > 0
            union all
            select 'tablesample'
            from rules as u
            where u.position = a.position and strpos(u.action, '{{TABLESAMPLECLAUSE') > 0
        ) as s
    ) as unsteady,
    md5(
        concat_ws(
            ' ',
            to_regclass(format('%%I.%%I', a.schema_name, a.name))::oid,
            (
                select string_agg(pg_get_viewdef(u.view), ';' order by u.what, u.view)
                from rules as u
                where u.position = a.position
            ),
            (
                select string_agg(f.prosrc, ';' order by f.oid)
                from functions as f
                where f.position = a.position and f.oid >= 16384
            )
        )
    ) as shape,
    p.shape as published
from unnest(%(table_schemas)s::text[], %(tables)s::text[], %(labels)s::text[]) with ordinality
as a (schema_name, name, label, position)
left join tidemark.published_aggregate as p on a.label = p.table_name
order by 1

-- name: record
insert into tidemark.published_aggregate as p (table_name, area, shape, batch_id)
values ({table}, {area}, {shape}, {batch_id})
on conflict (table_name) do update
set
    area = excluded.area,
    shape = excluded.shape,
    batch_id = excluded.batch_id,
    computed_at = excluded.computed_at
