-- The rows of tidemark.lock (sql/platform/common/05_lock.sql).

-- name: make
insert into tidemark.lock (name, number) values (%(name)s, 0) on conflict (name) do nothing

-- name: hold
select number from tidemark.lock where name = %(name)s for update nowait

-- Who has the row locked: nobody takes a weaker lock than this one on it, so xmax is no multixact.
-- name: holder
select
    a.pid,
    a.usename::text,
    a.application_name,
    extract(epoch from clock_timestamp() - a.backend_start)::float8
from tidemark.lock as k
inner join pg_stat_activity as a on k.xmax = a.backend_xid
where k.name = %(name)s

-- It waits for the transactions that have shown the number before, and for nobody else.
-- name: draw
insert into tidemark.lock as k (name, number)
select
    n.name,
    1
from unnest(%(names)s::text[]) as n (name)
order by n.name
on conflict (name) do update set number = k.number + 1
returning number

-- name: show
select number from tidemark.lock where name = %(name)s and number = %(number)s for share nowait

-- Whoever works, writes or migrates here.
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

-- Where tidemark_etl may not write it, as in a restored layer before it is migrated, no hop is at work.
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

-- to_regclass would remember through the wait for the lock that there is none.
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
