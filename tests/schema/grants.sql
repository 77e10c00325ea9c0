-- One row per object and grantee other than its owner: what the grantee may do with it.
with acls as (
    select
        'schema' as kind,
        n.nspname::text as name,
        n.nspowner as owner,
        coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl
    from pg_namespace as n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'

    union all

    select
        case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
        format('%I.%I', n.nspname, c.relname),
        c.relowner,
        coalesce(
            c.relacl,
            case c.relkind
                when 'S' then acldefault('s', c.relowner) else acldefault('r', c.relowner)
            end
        )
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema'
        and c.relkind in ('r', 'p', 'v', 'm', 'S')

    union all

    select
        'column',
        format('%I.%I.%I', n.nspname, c.relname, a.attname),
        c.relowner,
        a.attacl
    from pg_attribute as a
    inner join pg_class as c on a.attrelid = c.oid
    inner join pg_namespace as n on c.relnamespace = n.oid
    where a.attacl is not null and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'

    union all

    select
        case p.prokind when 'p' then 'procedure' else 'function' end,
        format('%I.%I', n.nspname, p.proname),
        p.proowner,
        coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc as p
    inner join pg_namespace as n on p.pronamespace = n.oid
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)

select
    a.kind || ' ' || a.name || ': '
    || case g.grantee when 0 then 'PUBLIC' else g.grantee::regrole::text end || ' may '
    || string_agg(lower(g.privilege_type), ', ' order by g.privilege_type)
from acls as a
cross join lateral aclexplode(a.acl) as g
where g.grantee <> a.owner
group by a.kind, a.name, g.grantee

union all

select
    'later '
    || case d.defaclobjtype
        when 'r' then 'tables' when 'f' then 'routines' when 'n' then 'schemas' else '?'
    end
    || ' of ' || d.defaclrole::regrole::text
    || coalesce(' in ' || nullif(d.defaclnamespace, 0)::regnamespace::text, '') || ': '
    || case g.grantee when 0 then 'PUBLIC' else g.grantee::regrole::text end || ' may '
    || string_agg(lower(g.privilege_type), ', ' order by g.privilege_type)
from pg_default_acl as d
cross join lateral aclexplode(d.defaclacl) as g
group by d.defaclobjtype, d.defaclrole, d.defaclnamespace, g.grantee

union all

select 'role ' || m.roleid::regrole::text || ': has member ' || m.member::regrole::text
from pg_auth_members as m
where m.member::regrole::text ~ '^tidemark_'

union all

select 'role ' || r.rolname || ': may ' || a.attribute
from pg_roles as r
cross join lateral (
    values
    ('be superuser', r.rolsuper),
    ('create roles', r.rolcreaterole),
    ('create databases', r.rolcreatedb),
    ('log in', r.rolcanlogin),
    ('replicate', r.rolreplication),
    ('bypass row security', r.rolbypassrls)
) as a (attribute, given)
where r.rolname ~ '^tidemark_' and a.given
