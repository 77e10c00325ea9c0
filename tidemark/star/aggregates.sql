-- What computes an aggregate, and its table.

-- {computed}  the SELECT as a view, over the grains in {touched}
-- {grains}    a view of the grains of all facts

-- name: make
drop view if exists {computed}, {grains};
drop table if exists {touched};
create view {grains} as
{every_grain};
comment on view {grains} is {of_facts};
create unlogged table {touched} as
select {grain}
from {grains}
with no data;
comment on table {touched} is {to_compute};
create view {computed} as
{select};
comment on view {computed} is {comment}

-- name: make_table
drop table if exists {table};
create table {table} as
select {columns}
from {computed}
with no data;
alter table {table} add constraint {constraint} unique nulls not distinct ({grain});
comment on table {table} is {comment}

-- name: drop_views
drop view if exists {computed}, {grains}

-- name: drop
drop view if exists {computed}, {grains};
drop table if exists {touched}

-- Views of aggregates that no area declares any more.
-- name: left_over
select
    n.nspname::text,
    left(c.relname, -length('.computed'))::text
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    n.nspname = any(%(schemas)s::text[])
    and c.relkind = 'v'
    and c.relname like '%%.computed'
    and not exists (
        select
        from unnest(%(places)s::text[], %(views)s::text[]) as v (schema_name, name)
        where n.nspname = v.schema_name and c.relname = v.name
    )
order by 1, 2

-- Facts may change from now on without such an aggregate. If it comes back, it is computed as a whole.
-- name: forget
delete from tidemark.published_aggregate
where area = any({areas}::text[]) and table_name <> all({tables}::text[])

-- name: comments
select
    n.nspname::text,
    c.relname::text,
    obj_description(c.oid, 'pg_class')
from unnest(%(schemas)s::text[], %(views)s::text[]) as v (schema_name, name)
inner join pg_namespace as n on v.schema_name = n.nspname
inner join pg_class as c on n.oid = c.relnamespace and v.name = c.relname
where obj_description(c.oid, 'pg_class') is not null
