-- Tables and views that no file of sql/ makes, and the steps by which they follow their neighbours.

-- name: mirror
create table {table} ({column type});
select tidemark.create_mirror({spelled}, {key}::text[]);
comment on table {table} is {comment}

-- name: landing
create unlogged table {table} ({column type});
comment on table {table} is {comment}

-- name: pass_through
create view {view} as
{query};
comment on view {view} is {comment}

-- name: passing
select
    {l.columns},
    {reasons} as reject_reasons
from {landing} as l

-- name: live
create or replace view {view} as
select {m.columns}
from {mirror} as m
where m._deleted_at is null;
comment on view {view} is {comment}

-- name: empty
truncate {table}

-- name: retype_column
alter table {table} alter column {column} type {type} using {column}::{type}

-- name: drop_column
alter table {table} drop column {column}

-- name: drop_view
drop view {view}

-- Indexes, constraints and the like that would go with a column, without a word.
-- name: standing_on
select distinct d.objid::regclass::text
from pg_depend as d
inner join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where
    d.classid = 'pg_class'::regclass
    and d.refclassid = 'pg_class'::regclass
    and d.refobjid = %(table)s::regclass
    and a.attname = any (%(columns)s)
    and d.deptype = 'a'
order by 1

-- name: note
insert into tidemark.stage_again as s (area, entity, is_new)
values ({area}, {entity}, {is_new})
on conflict (area, entity) do update
set is_new = s.is_new or excluded.is_new, noted_at = excluded.noted_at

-- name: noted
select
    entity,
    is_new
from tidemark.stage_again
where area = %(area)s
order by entity

-- name: taken
delete from tidemark.stage_again
where area = %(area)s and entity = any (%(entities)s)
