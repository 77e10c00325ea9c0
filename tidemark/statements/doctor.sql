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

-- name: indexed
select exists (
    select
    from pg_index as i
    inner join pg_attribute as a on i.indrelid = a.attrelid and a.attnum = i.indkey[0]
    where i.indrelid = to_regclass({table}) and a.attname = {column} and i.indisvalid
)

-- name: may_read
select has_table_privilege(to_regclass({table}), 'select')

-- name: may_become
-- A role that is missing is made by the migration, which is then what is missing.
select coalesce(
    (
        select pg_has_role(session_user, r.oid, 'set')
        from pg_roles as r
        where r.rolname = 'tidemark_etl'
    ),
    true
)

-- name: is_migrated
select to_regclass('tidemark.migration') is not null

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
