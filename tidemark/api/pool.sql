-- Sessions of the service.

-- What is acknowledged is on disk, whatever the server's default is. A stronger one stays.
-- name: keeping
select set_config('synchronous_commit', 'on', false)
where current_setting('synchronous_commit') in ('off', 'local')

-- name: limited
select
    set_config('statement_timeout', %(timeout)s, false),
    set_config('lock_timeout', %(timeout)s, false)

-- name: reading
select set_config('default_transaction_read_only', 'on', false)
