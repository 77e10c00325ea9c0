-- The rows of tidemark.lock (sql/platform/common/05_lock.sql).

-- name: make
insert into tidemark.lock (name, number)
select
    n.name,
    0
from unnest(%(names)s::text[]) as n (name)
order by n.name
on conflict (name) do nothing

-- name: be_patient
select set_config('lock_timeout', %(patience)s, true)

-- name: hold
select name
from tidemark.lock
where name = any (%(names)s)
order by name
for update{nowait}

-- The sessions that have rows locked. Nobody takes a weaker lock on them, so xmax is the number of
-- one transaction and never of a multixact.
-- name: holder
select
    k.name,
    a.pid,
    a.usename::text,
    a.application_name,
    extract(epoch from clock_timestamp() - a.backend_start)::float8
from tidemark.lock as k
inner join pg_stat_activity as a on k.xmax = a.backend_xid
where k.name = any (%(names)s)
order by k.name

-- The update waits for the transactions that have shown the older number, and for no others.
-- name: draw
insert into tidemark.lock as k (name, number)
select
    n.name,
    1
from unnest(%(names)s::text[]) as n (name)
order by n.name
on conflict (name) do update set number = k.number + 1
returning number

-- name: drawn
select
    name,
    number
from tidemark.lock
where name = any (%(names)s)
order by name

-- name: show
select tidemark.show_number(s.name, s.number)
from unnest(%(names)s::text[], %(numbers)s::bigint[]) as s (name, number)

-- Sessions that work on an area, write or migrate here.
-- name: in_the_way
select
    a.pid,
    a.usename::text,
    a.application_name,
    extract(epoch from clock_timestamp() - a.backend_start)::float8
from pg_stat_activity as a
where
    a.pid <> pg_backend_pid()
    and a.datname = current_database()
    and exists (
        select
        from pg_locks as l
        where
            l.pid = a.pid
            and l.granted
            and (
                (
                    l.locktype = 'relation'
                    and l.mode <> 'AccessShareLock'
                    and l.relation in (
                        to_regclass('tidemark.lock'), to_regclass('tidemark.migration')
                    )
                )
                or (
                    l.locktype = 'advisory'
                    and l.classid::bigint = hashtext('tidemark')::bigint & 4294967295
                )
            )
    )
order by a.pid

-- Whether the table is there and tidemark_etl may write it. In a restored layer that is not
-- migrated yet it may not, and so no hop can be at work.
-- name: exists
select exists (
    select
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    cross join pg_roles as r
    where
        n.nspname = 'tidemark'
        and c.relname = 'lock'
        and r.rolname = 'tidemark_etl'
        and has_schema_privilege(r.oid, n.oid, 'usage')
        and has_table_privilege(r.oid, c.oid, 'insert')
)

-- Not by to_regclass: it may answer with the state from before the wait for a lock.
-- name: is_new
select not exists (
    select
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = 'tidemark' and c.relname = 'migration'
)

-- name: first_migration
select pg_advisory_xact_lock(hashtext('tidemark'), hashtext('migrate'))

-- name: migration
lock table tidemark.migration in share row exclusive mode
