-- Roles, owners and grants of a layer: what they have to be, and the statement that restores each.
-- The search path is pg_catalog, so every name that is printed has its schema.

-- One row per finding: what is not as it has to be, and the statement that mends it. A finding
-- comes before those that depend on it. An object is Tidemark's if it lies in one of its schemas,
-- or if a file of sql/ or area.yml names it, but not if an extension brought it. `made` are the
-- schemas that migrate makes, `shown` those that analysts read.
-- name: amiss
with named as (
    select
        n.kind,
        n.schema_name,
        n.name
    from unnest(%(kinds)s::text[], %(schemas)s::text[], %(names)s::text[])
    as n (kind, schema_name, name)
),

own_schemas as (
    select n.name
    from named as n
    where n.kind = 'schema'
),

etl as (
    select r.oid
    from pg_roles as r
    where r.rolname = 'tidemark_etl'
),

-- Schemas of areas that existed before, with tables of other roles: they keep their owner.
shared as (
    select
        n.oid,
        n.nspname
    from pg_namespace as n
    where
        n.nspname = 'public'
        or n.nspname = any (%(made)s::text[])
        and n.nspname not in (select s.name from own_schemas as s)
        and n.nspowner is distinct from (select etl.oid from etl)
        and exists (
            select
            from pg_class as c
            where
                c.relnamespace = n.oid
                and c.relkind in ('r', 'p', 'v', 'm', 'f')
                and c.relowner is distinct from (select etl.oid from etl)
                and not exists (
                    select
                    from named as w
                    where
                        w.kind = 'relation'
                        and w.schema_name = n.nspname
                        and w.name = c.relname
                )
        )
),

objects as (
    select
        case c.relkind
            when 'v' then 'view'
            when 'm' then 'materialized view'
            when 'S' then 'sequence'
            when 'f' then 'foreign table'
            else 'table'
        end as kind,
        n.nspname,
        c.relname as name,
        format('%%I.%%I', n.nspname, c.relname) as quoted,
        c.relowner as owner,
        case when c.relkind = 'S' then 'S' else 'r' end as grants,
        coalesce(
            c.relacl,
            acldefault(case when c.relkind = 'S' then 's' else 'r' end::"char", c.relowner)
        ) as acl
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        and (
            n.nspname in (select s.name from own_schemas as s)
            or exists (
                select
                from named as w
                where
                    w.kind = 'relation' and w.schema_name = n.nspname and w.name = c.relname
            )
        )
        and not exists (
            select
            from pg_depend as d
            where
                d.classid = 'pg_class'::regclass
                and d.objid = c.oid
                and (d.deptype = 'e' or c.relkind = 'S' and d.deptype in ('a', 'i'))
        )
    union all
    select
        'routine',
        n.nspname,
        p.proname,
        p.oid::regprocedure::text,
        p.proowner,
        'f',
        coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc as p
    inner join pg_namespace as n on p.pronamespace = n.oid
    where
        (
            n.nspname in (select s.name from own_schemas as s)
            or exists (
                select
                from named as w
                where w.kind = 'routine' and w.schema_name = n.nspname and w.name = p.proname
            )
        )
        and not exists (
            select
            from pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
    union all
    select
        'type',
        n.nspname,
        t.typname,
        format('%%I.%%I', n.nspname, t.typname),
        t.typowner,
        'T',
        coalesce(t.typacl, acldefault('T', t.typowner))
    from pg_type as t
    inner join pg_namespace as n on t.typnamespace = n.oid
    left join pg_class as c on t.typrelid = c.oid
    where
        (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
        and (
            n.nspname in (select s.name from own_schemas as s)
            or exists (
                select
                from named as w
                where w.kind = 'type' and w.schema_name = n.nspname and w.name = t.typname
            )
        )
        and not exists (
            select
            from pg_depend as d
            where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
        )
),

default_grants as (
    select
        d.defaclobjtype,
        d.defaclnamespace,
        g.grantee,
        g.privilege_type
    from pg_default_acl as d
    inner join etl on d.defaclrole = etl.oid
    cross join lateral aclexplode(d.defaclacl) as g
    where g.grantee <> etl.oid
),

found as (
    select
        1 as place,
        'role' as kind,
        r.name::text as name,
        'the role ' || r.name || ' does not exist' as what,
        'create role ' || r.name || ' nologin;' as statement
    from (values ('tidemark_etl'), ('tidemark_analyst'), ('tidemark_monitor')) as r (name)
    where
        not exists (
            select
            from pg_roles as p
            where p.rolname = r.name
        )
    union all
    select
        2,
        'member',
        session_user,
        'the login is no member of tidemark_etl, as which the pipeline works',
        'grant tidemark_etl to ' || quote_ident(session_user) || ';'
    where not coalesce((select pg_has_role(session_user, etl.oid, 'set') from etl), false)
    union all
    select
        3,
        'schema',
        s.name,
        'the schema ' || s.name || ' does not exist',
        format('create schema %%I authorization tidemark_etl;', s.name)
    from unnest(%(made)s::text[]) as s (name)
    where
        not exists (
            select
            from pg_namespace as n
            where n.nspname = s.name
        )
    union all
    select
        4,
        'owner',
        n.nspname,
        format('schema %%I belongs to %%I and not to tidemark_etl', n.nspname, n.nspowner::regrole),
        format('alter schema %%I owner to tidemark_etl;', n.nspname)
    from pg_namespace as n
    where
        (n.nspname in (select s.name from own_schemas as s) or n.nspname = any (%(made)s::text[]))
        and n.oid not in (select s.oid from shared as s)
        and n.nspowner is distinct from (select etl.oid from etl)
    union all
    select
        5,
        'owner',
        o.name,
        format('%%s %%s belongs to %%s and not to tidemark_etl', o.kind, o.quoted, o.owner::regrole),
        format('alter %%s %%s owner to tidemark_etl;', o.kind, o.quoted)
    from objects as o
    where o.owner is distinct from (select etl.oid from etl)
    union all
    select
        6,
        'public',
        s.nspname,
        'tidemark_etl may not create tables in schema ' || s.nspname,
        format('grant usage, create on schema %%I to tidemark_etl;', s.nspname)
    from shared as s
    where
        not coalesce(
            (
                select
                    has_schema_privilege(etl.oid, s.oid, 'usage')
                    and has_schema_privilege(etl.oid, s.oid, 'create')
                from etl
            ),
            false
        )
    union all
    select
        7,
        'database',
        current_database(),
        'tidemark_etl may make no temporary tables in the database',
        format('grant temporary on database %%I to tidemark_etl;', current_database())
    from etl
    where not has_database_privilege(etl.oid, current_database(), 'temporary')
    union all
    select
        8,
        'public',
        s.name,
        'tidemark_analyst may not look into schema ' || s.name,
        format('grant usage on schema %%I to tidemark_analyst;', s.name)
    from unnest(%(shown)s::text[]) as s (name)
    inner join pg_roles as r on r.rolname = 'tidemark_analyst'
    left join pg_namespace as n on s.name = n.nspname
    where n.oid is null or not has_schema_privilege(r.oid, n.oid, 'usage')
    union all
    select
        9,
        'default',
        'routines',
        'everybody may call the routines that tidemark_etl will make',
        'alter default privileges for role tidemark_etl revoke execute on routines from public;'
    where
        not exists (
            select
            from pg_default_acl as d
            inner join etl on d.defaclrole = etl.oid
            where d.defaclobjtype = 'f' and d.defaclnamespace = 0
        )
    union all
    select
        10,
        'default',
        w.objects,
        'analysts will not be granted the ' || w.objects || ' that tidemark_etl will make'
        || case s.name when 'public' then '' else ' in schema ' || s.name end,
        format(
            'alter default privileges for role tidemark_etl in schema %%I grant %%s on %%s'
            ' to tidemark_analyst;',
            s.name,
            lower(w.privilege),
            w.objects
        )
    from unnest(%(shown)s::text[]) as s (name)
    cross join (values ('r', 'SELECT', 'tables'), ('f', 'EXECUTE', 'routines'))
    as w (type, privilege, objects)
    where
        not exists (
            select
            from default_grants as g
            where
                g.defaclobjtype = w.type::"char"
                and g.defaclnamespace = (
                    select n.oid
                    from pg_namespace as n
                    where n.nspname = s.name
                )
                and g.grantee = (
                    select r.oid
                    from pg_roles as r
                    where r.rolname = 'tidemark_analyst'
                )
                and g.privilege_type = w.privilege
        )
    union all
    select
        11,
        'grant',
        o.name,
        format('everybody may call %%s', o.quoted),
        format('revoke execute on routine %%s from public;', o.quoted)
    from objects as o
    where
        o.kind = 'routine'
        and exists (
            select
            from aclexplode(o.acl) as a
            where a.grantee = 0
        )
    union all
    select
        12,
        'grant',
        o.name,
        format('%%s may not %%s %%s', g.grantee::regrole, lower(g.privilege_type), o.quoted),
        format(
            'grant %%s on %%s %%s to %%s;',
            lower(g.privilege_type),
            case o.grants
                when 'f' then 'routine'
                when 'S' then 'sequence'
                when 'T' then 'type'
                else 'table'
            end,
            o.quoted,
            g.grantee::regrole
        )
    from objects as o
    inner join pg_namespace as n on o.nspname = n.nspname
    inner join default_grants as g
        on
            g.defaclobjtype = o.grants::"char"
            and g.defaclnamespace in (0, n.oid)
            and g.grantee <> 0
    where
        not exists (
            select
            from aclexplode(o.acl) as a
            where a.grantee = g.grantee and a.privilege_type = g.privilege_type
        )
)

select
    f.kind,
    f.name,
    f.what,
    f.statement
from found as f
order by f.place, f.what

-- Run a grant of a file. It may be on an object that a later file drops, or to a role that this
-- server does not have: then it has nothing to do.
-- name: grant
do $grant$
begin
    execute {text};
exception
    when undefined_table or undefined_function or undefined_object or undefined_column
    or invalid_schema_name or wrong_object_type then null;
end;
$grant$
