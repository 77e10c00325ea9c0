-- What the catalog says of the star's foreign keys.

-- Foreign keys of facts, and upon dimensions: those of a partition are its parent's.
-- name: foreign_keys
select
    t.relname,
    n.nspname,
    k.conname,
    k.condeferrable,
    k.confdeltype = 'a' as only_checks,
    regexp_replace(
        pg_get_constraintdef(k.oid),
        ' ON DELETE (CASCADE|RESTRICT|SET (NULL|DEFAULT)( \([^)]*\))?)'
        '| (NOT )?DEFERRABLE( INITIALLY DEFERRED)?',
        '',
        'g'
    ) as definition
from pg_constraint as k
inner join pg_class as t on k.conrelid = t.oid
inner join pg_namespace as n on t.relnamespace = n.oid
inner join pg_class as d on k.confrelid = d.oid
inner join pg_namespace as dn on d.relnamespace = dn.oid
where
    k.contype = 'f'
    and k.conparentid = 0
    and (
        t.relname = any (%(facts)s) and n.nspname = %(schema)s
        or d.relname = any (%(dimensions)s) and dn.nspname = %(schema)s
    )
order by n.nspname, t.relname, k.conname
