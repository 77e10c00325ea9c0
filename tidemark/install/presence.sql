-- Objects that files of sql/ have made, and that do not exist any more.

-- name: absent
select
    w.kind,
    w.schema_name,
    w.name
from unnest(%(kinds)s::text[], %(schemas)s::text[], %(names)s::text[])
as w (kind, schema_name, name)
left join pg_namespace as n on w.schema_name = n.nspname
where
    case w.kind
        when 'routine' then
            not exists (
                select
                from pg_proc as p
                where p.pronamespace = n.oid and p.proname = w.name
            )
        when 'type' then
            not exists (
                select
                from pg_type as t
                where t.typnamespace = n.oid and t.typname = w.name
            )
        else
            not exists (
                select
                from pg_class as c
                where c.relnamespace = n.oid and c.relname = w.name
            )
    end
order by w.kind, w.schema_name, w.name
