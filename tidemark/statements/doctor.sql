-- What each server says of itself and of the login.

-- name: about
select
    current_setting('server_version'),
    current_setting('TimeZone'),
    current_setting('server_encoding'),
    session_user::text,
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
select coalesce(
    (
        select pg_has_role(session_user, r.oid, 'member')
        from pg_roles as r
        where r.rolname = 'tidemark_etl'
    ),
    false
)
