-- activity
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
) as oldest on true;

-- beyond
select
    'customers' as entity,
    count(*) filter (where updated_at is null) as without,
    count(*) filter (where updated_at >= timestamptz '2025-01-01Z') as endless,
    count(*) filter (where updated_at < timestamptz '2025-01-01Z') as future
from public.customers
where updated_at is null or updated_at > timestamptz '2025-01-01Z';

-- late
with recursive behind as (
    select
        w.position,
        c.oid as relation
    from unnest(:schemas::text[], :tables::text[]) with ordinality
    as w (schema_name, table_name, position)
    inner join pg_namespace as n on n.nspname = w.schema_name
    inner join pg_class as c on c.relnamespace = n.oid and c.relname = w.table_name
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
order by late.position, late.relation;

-- look
select
    b.entity,
    b.without,
    b.endless,
    b.future,
    exists (select from public.customers where updated_at < timestamptz '2025-01-01Z') as has_rows
from (select
    'customers' as entity,
    count(*) filter (where updated_at is null) as without,
    count(*) filter (where updated_at >= timestamptz '2025-01-01Z') as endless,
    count(*) filter (where updated_at < timestamptz '2025-01-01Z') as future
from public.customers
where updated_at is null or updated_at > timestamptz '2025-01-01Z') as b;

-- prepared_transactions
select count(*) as transactions
from pg_prepared_xacts as p
where p.database = current_database();
