-- What each server says of itself and of the login.

-- name: about
select
    current_setting('server_version'),
    current_setting('TimeZone'),
    current_setting('server_encoding'),
    quote_ident(session_user),
    extract(epoch from clock_timestamp())::float8

-- name: reset_zone
set session timezone to default

-- Only superusers and pg_read_all_settings may see where the data is.
-- name: space
select
    pg_database_size(current_database()),
    (
        select s.setting
        from pg_settings as s
        where s.name = 'data_directory'
    ),
    coalesce(host(inet_server_addr()) ~ '^(127[.]|::1$)', true)

-- name: prepared
select
    p.gid,
    p.owner::text,
    extract(epoch from clock_timestamp() - p.prepared)::float8,
    quote_literal(p.gid)
from pg_prepared_xacts as p
where p.database = current_database()
order by p.prepared, p.gid

-- name: letters
select
    quote_ident(current_database() || '_new'),
    current_setting('server_encoding'),
    current_setting('server_encoding') <> 'UTF8' or lower(chr(196)) = chr(228)

-- Logins that may put code into a layer, where a superuser would run it.
-- name: writers
select quote_ident(w.rolname)
from pg_roles as r
inner join pg_roles as w on pg_has_role(w.oid, r.oid, 'usage')
where r.rolname = 'tidemark_etl' and w.rolcanlogin and not w.rolsuper
order by w.oid = r.oid desc, 1
limit 1

-- name: all_may_create
select exists (
    select
    from pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as a
    where n.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE'
)

-- name: is_migrated
select exists (
    select
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = 'tidemark' and c.relname = 'migration'
)

-- name: may_read_migrations
select coalesce(
    (
        select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'tidemark' and c.relname = 'migration'
    ),
    true
)

-- name: has_analysts
select to_regrole('tidemark_analyst') is not null and to_regrole('tidemark_etl') is not null

-- Settings that let analysts hold up others, and the statement that mends each.
-- name: analysts
with database as (
    select
        quote_ident(d.datname) as name,
        exists (
            select
            from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
            where a.grantee = 0 and a.privilege_type = 'TEMPORARY'
        ) as is_writable
    from pg_database as d
    where d.datname = current_database()
),

logins as (
    select
        r.oid,
        quote_ident(r.rolname) as name,
        r.rolconnlimit
    from pg_roles as r
    where
        r.rolcanlogin
        and not r.rolsuper
        -- On Citus they log in to workers, with no password, and a limit would count there.
        and r.rolname not in ('tidemark_analyst', 'tidemark_reader')
        -- The console's login may only become one, and never has more sessions than it is told to.
        and pg_has_role(r.oid, 'tidemark_analyst', 'usage')
        and not pg_has_role(r.oid, 'tidemark_etl', 'member')
)

select
    'everybody who can log in may fill the disk with temporary tables',
    'revoke temporary on database ' || d.name || ' from public;'
from database as d
where d.is_writable

union all

select
    'an idle transaction of an analyst keeps others waiting for as long as it likes',
    'alter database ' || d.name || ' set idle_in_transaction_session_timeout = ''5min'';'
from database as d
where
    exists (select from logins)
    and exists (
        select
        from pg_settings as s
        where s.name = 'idle_in_transaction_session_timeout' and s.reset_val = '0'
    )
    -- reset_val shows what this login has set for itself. The setting of the database may differ.
    and not exists (
        select
        from pg_db_role_setting as s
        cross join lateral unnest(s.setconfig) as c (setting)
        where
            s.setdatabase = (
                select b.oid
                from pg_database as b
                where b.datname = current_database()
            )
            and s.setrole = 0
            and c.setting ~ '^idle_in_transaction_session_timeout='
    )

union all

select
    'the analyst ' || l.name || ' may take every connection that there is',
    'alter role ' || l.name || ' connection limit 20;'
from logins as l
where
    l.rolconnlimit < 0
    and not (
        current_setting('reserved_connections')::integer > 0
        and pg_has_role('tidemark_etl', 'pg_use_reserved_connections', 'usage')
    )
