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

-- name: comments
select
    n.nspname::text,
    c.relname::text,
    obj_description(c.oid, 'pg_class')
from unnest(%(schemas)s::text[], %(views)s::text[]) as v (schema_name, name)
inner join pg_namespace as n on v.schema_name = n.nspname
inner join pg_class as c on n.oid = c.relnamespace and v.name = c.relname
where obj_description(c.oid, 'pg_class') is not null
