-- reserved in: dimension

-- What a dimension points at, by natural keys, at any instant.

-- For each version d of the dimension the spans in which it points at the same versions r. Each version
-- holds until the next one of its key begins, and the first one from the beginning on: as facts see it.
-- Without a member, the key is that of the unknown one.
-- name: at
create view {view} as
select
    d.{surrogate},
    {coalesce(key, 0) as columns},
    greatest(d._from, {starts}) as at_from,
    least(d._to, {ends}) as at_to
from {dimension} as d
{left join referenced as r on meets};
comment on view {view} is {comment}

-- name: covering
(
    select
        x.{surrogate},
        {x.columns},
        case
            when exists (
                select 1
                from {dimension} as b
                where {b.nk = x.nk} and b.valid_from < x.valid_from
            ) then x.valid_from
            else {first}::timestamptz
        end as _from,
        coalesce(
            (
                select min(n.valid_from)
                from {dimension} as n
                where {n.nk = x.nk} and n.valid_from > x.valid_from
            ),
            {last}
        ) as _to
    from {dimension} as x
)

-- name: meets
{r.nk = d.by}
and {r}._from < least({ends}, d._to)
and {r}._to > greatest({starts}, d._from)

-- name: comments
select
    n.nspname::text,
    c.relname::text,
    obj_description(c.oid, 'pg_class')
from unnest(%(schemas)s::text[], %(views)s::text[]) as v (schema_name, name)
inner join pg_namespace as n on v.schema_name = n.nspname
inner join pg_class as c on n.oid = c.relnamespace and v.name = c.relname
where obj_description(c.oid, 'pg_class') is not null
