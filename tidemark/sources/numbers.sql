-- Sequences that watermarks are drawn from.

-- The clock is read behind each sequence: `read` is materialized, and scanned row by row.
-- name: sequences
with read as materialized (
    select
        w.position,
        w.schema_name,
        w.name,
        s.sequencename is not null as is_there,
        coalesce(
            has_sequence_privilege(to_regclass(format('%%I.%%I', w.schema_name, w.name)), 'select'),
            false
        ) as is_readable,
        s.cache_size,
        s.increment_by,
        s.cycle,
        s.last_value
    from unnest(%(schemas)s::text[], %(names)s::text[]) with ordinality
    as w (schema_name, name, position)
    left join pg_sequences as s on w.schema_name = s.schemaname and w.name = s.sequencename
)

select
    r.schema_name,
    r.name,
    r.is_there,
    r.is_readable,
    r.cache_size,
    r.increment_by,
    r.cycle,
    r.last_value,
    clock_timestamp() as read_at
from read as r
order by r.position
