-- Safe upper bounds of windows.

-- statement_timestamp() is taken before the sessions are read. So a transaction that starts in
-- between, and is not seen, stamps its rows later than this clock.
-- name: activity
select
    statement_timestamp(),
    pg_is_in_recovery(),
    pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
    (
        select count(*)
        from pg_stat_activity as a
        where a.datname = current_database() and a.state = 'disabled'
    ),
    oldest.xact_start,
    oldest.pid,
    oldest.usename::text,
    oldest.application_name,
    extract(epoch from statement_timestamp() - oldest.xact_start)::float8
from (values (1)) as one (row)
left join lateral (
    select
        a.xact_start,
        a.pid,
        a.usename,
        a.application_name
    from pg_stat_activity as a
    where
        a.datname = current_database()
        and a.pid <> pg_backend_pid()
        and a.backend_type not in ('autovacuum worker', 'walsender')
        and a.xact_start is not null
    order by a.xact_start
    limit 1
) as oldest on true

-- A transaction that is being prepared enters this view before it leaves pg_stat_activity. So the
-- sessions are read first, in a statement of their own: it is in one of the two, or in both.
-- name: prepared_transactions
select count(*) as transactions
from pg_prepared_xacts as p
where p.database = current_database()

-- Rows that no window contains now: without a watermark, with an endless one, or in the future.
-- name: beyond
select
    {entity} as entity,
    count(*) filter (where {watermark} is null) as without,
    count(*) filter (where {watermark} >= {end}) as endless,
    count(*) filter (where {watermark} < {end}) as future
from {source}
where {watermark} is null or {watermark} >= {future}

-- name: nothing_beyond
select
    {entity} as entity,
    0 as without,
    0 as endless,
    0 as future

-- name: look
select
    b.entity,
    b.without,
    b.endless,
    b.future,
    exists (
        select
        from {source}
        where {condition}
    ) as has_rows
from ({beyond}) as b

-- Of each table the first relation behind it whose rows become visible later than they were stamped.
-- Behind a table are its partitions, behind a view what it reads, and so behind a query. A subscription
-- of a partitioned table writes into its partitions.
-- name: late
with recursive behind as (
    select
        w.position,
        c.oid as relation
    from unnest(%(schemas)s::text[], %(tables)s::text[], %(positions)s::bigint[])
    as w (schema_name, table_name, position)
    inner join pg_namespace as n on n.nspname = w.schema_name
    inner join pg_class as c on c.relnamespace = n.oid and c.relname = w.table_name
    union
    select
        q.position,
        q.relation
    from unnest(%(readers)s::bigint[], %(read)s::oid[]) as q (position, relation)
    union
    select
        b.position,
        found.relation
    from behind as b
    cross join lateral (
        select i.inhrelid as relation
        from pg_inherits as i
        where i.inhparent = b.relation
        union all
        select d.refobjid
        from pg_rewrite as r
        inner join pg_depend as d on r.oid = d.objid
        where
            r.ev_class = b.relation
            and d.classid = 'pg_rewrite'::regclass
            and d.refclassid = 'pg_class'::regclass
    ) as found
)

select distinct on (late.position)
    late.position::int as position,
    late.how,
    late.relation::text as relation
from (
    select
        b.position,
        b.relation::regclass as relation,
        case
            when c.relkind = 'f' then 'foreign'
            when c.relkind = 'm' then 'materialized'
            when exists (
                select
                from pg_subscription_rel as s
                where
                    s.srrelid = c.oid
                    or s.srrelid in (select p.relid from pg_partition_ancestors(c.oid) as p)
            ) then 'subscribed'
        end as how
    from behind as b
    inner join pg_class as c on b.relation = c.oid
) as late
where late.how is not null
order by late.position, late.relation

-- name: in_window
{watermark} >= {low} and {watermark} < {high}

-- name: before
{watermark} < {high}
