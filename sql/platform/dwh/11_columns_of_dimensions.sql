-- Of each column of a dimension is kept since when it is there. An older Tidemark told those that
-- were added by their place: behind the versioning columns that create_dimension had made. What
-- stands there and is not known yet stays unknown: the next publish finds it new.

comment on table tidemark.added_column is
'One row per column of a dimension: the last batch that knows nothing of it, 0 for the columns that
it was made with. A column without a row is new since the last batch. Written in the publishing
transaction.';

insert into tidemark.added_column (dimension, column_name, since_batch)
select
    concat(nullif(n.nspname, 'public') || '.', c.relname) as dimension,
    a.attname as column_name,
    0 as since_batch
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as v on c.oid = v.attrelid and v.attname = '_batch_id'
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum between 1 and v.attnum
where
    c.relkind = 'r'
    and not a.attisdropped
    and (
        select array_agg(o.attname::text)
        from pg_attribute as o
        where o.attrelid = c.oid and not o.attisdropped
    ) @> array['valid_from', 'valid_to', 'is_current', 'is_deleted', 'is_inferred', 'changed_at']
    and a.attname not in (
        'valid_from', 'valid_to', 'is_current', 'is_deleted', 'is_inferred', 'changed_at',
        '_batch_id'
    )
on conflict do nothing;
