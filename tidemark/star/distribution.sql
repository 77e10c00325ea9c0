-- Where the tables of a DWH lie that is on Citus.

-- name: has_citus
select exists (
    select 1
    from pg_extension
    where extname = 'citus'
)

-- Of distributed tables and those that every worker has, and not of those that Citus only knows.
-- name: placed
select
    n.nspname::text,
    c.relname::text
from pg_dist_partition as d
inner join pg_class as c on d.logicalrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where d.partmethod <> 'n' or d.repmodel = 't'

-- name: place
select tidemark.distribute(%(table)s, %(column)s)

-- name: hold_readers
select tidemark.hold_readers(%(tables)s::text[])
