-- Bookkeeping of the files under sql/ that a layer has seen.

-- name: what_is_there
select
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
        when 'S' then 'sequence'
        else 'table'
    end,
    c.relowner::regrole::text,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'update')
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = 'tidemark' and c.relname = 'migration'

-- Objects that a session on the source would find by name, made by a role that is neither the login
-- nor a superuser.
-- name: of_others
select
    o.name,
    o.owner::regrole::text
from (
    select
        c.oid::regclass::text as name,
        c.relowner as owner,
        c.relnamespace as namespace
    from pg_class as c
    union all
    select
        p.oid::regprocedure::text,
        p.proowner,
        p.pronamespace
    from pg_proc as p
    union all
    select
        p.oid::regoperator::text,
        p.oprowner,
        p.oprnamespace
    from pg_operator as p
    union all
    select
        s.nspname::text,
        s.nspowner,
        s.oid
    from pg_namespace as s
    where s.nspname = 'tidemark'
) as o
inner join pg_namespace as n on o.namespace = n.oid
inner join pg_roles as r on o.owner = r.oid
where n.nspname in ('public', 'tidemark') and not r.rolsuper and r.rolname <> current_user
order by 1

-- name: create
create table tidemark.migration (
    path text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    constraint migration_pkey primary key (path)
);

comment on table tidemark.migration is
'One row per file of sql/ that was applied here, with the checksum of what was applied.'

-- name: record
insert into tidemark.migration (path, checksum) values ({path}, {checksum})
on conflict (path) do update set checksum = excluded.checksum, applied_at = clock_timestamp()

-- name: add_lineage
select tidemark.add_lineage()
