-- The workers of a DWH that is on Citus.

-- name: about
select
    (
        select e.extversion
        from pg_extension as e
        where e.extname = 'citus'
    ),
    exists (
        select 1
        from pg_dist_node as n
        where n.groupid = 0
    ),
    (
        select count(*)
        from pg_dist_node as n
        where n.groupid <> 0 and n.isactive
    ),
    coalesce(host(inet_server_addr()), 'localhost'),
    current_setting('port')::integer

-- What each worker says of itself to the role that asks; or why it can't be asked.
-- name: settings
select
    r.nodename || ':' || r.nodeport,
    case when r.success then r.result::jsonb end,
    case when not r.success then split_part(r.result, chr(10), 1) end
from run_command_on_workers(%(command)s) as r
order by 1

-- name: of_worker
select
    jsonb_object_agg(s.name, current_setting(s.name))
    || jsonb_build_object(
        'citus',
        (
            select e.extversion
            from pg_extension as e
            where e.extname = 'citus'
        )
    )
from unnest(%(names)s::text[]) as s (name)

-- name: has_etl
select to_regrole('tidemark_etl') is not null

-- name: here
select jsonb_object_agg(s.name, current_setting(s.name))
from unnest(%(names)s::text[]) as s (name)
