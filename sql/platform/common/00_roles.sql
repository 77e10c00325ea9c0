-- Roles, schemas and grants of a layer. Runs as the user that migrates, each time; everything after
-- it runs as tidemark_etl, which so owns what the pipeline writes. What is there already is not
-- asked for: who may no more than apply new files applies them.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tidemark_etl') then
        create role tidemark_etl nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'tidemark_analyst') then
        create role tidemark_analyst nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'tidemark_monitor') then
        create role tidemark_monitor nologin;
    end if;
    if not pg_has_role(current_user, 'tidemark_etl', 'set') then
        execute format('grant tidemark_etl to %I', current_user);
    end if;
exception
    -- Roles belong to the server: another database of it may be migrating at this moment.
    when duplicate_object or unique_violation then null;
end;
$$;

-- The console's login is a member of tidemark_console. It becomes what the person is whom it shows
-- a page to, and has no rights until then. A login that may not say this leaves it unsaid: then
-- `tidemark console` says what is missing.
do $$
declare
    v_role text;
begin
    foreach v_role in array array['tidemark_reader', 'tidemark_console'] loop
        if not exists (select from pg_roles where rolname = v_role) then
            execute format('create role %I nologin', v_role);
        end if;
    end loop;
    foreach v_role in array array['tidemark_monitor', 'tidemark_analyst', 'tidemark_reader'] loop
        if not pg_has_role('tidemark_console', v_role, 'set') then
            execute format('grant %I to tidemark_console with inherit false, set true', v_role);
        end if;
    end loop;
exception
    when insufficient_privilege or duplicate_object or unique_violation then null;
end;
$$;

do $$
begin
    if to_regnamespace('tidemark') is null then
        create schema tidemark authorization tidemark_etl;
    end if;
    if to_regnamespace('landing') is null then
        create schema landing authorization tidemark_etl;
    end if;
    if not has_schema_privilege('tidemark_etl', 'public', 'create') then
        grant usage, create on schema public to tidemark_etl;
    end if;
end;
$$;

alter default privileges for role tidemark_etl revoke execute on routines from public;

-- Who looks at a layer reads every table of Tidemark's, and does nothing else: `tidemark query` and
-- the console work so. Later tables and schemas come with the right. A login that may not say this
-- leaves it unsaid: then these say what is missing.
do $$
declare
    v_schema text;
begin
    if not pg_has_role('tidemark_etl', 'tidemark_reader', 'set') then
        grant tidemark_reader to tidemark_etl;
    end if;
    for v_schema in
        select n.nspname
        from pg_namespace as n
        where
            (n.nspowner = 'tidemark_etl'::regrole or n.nspname = 'public')
            and not exists (
                select
                from aclexplode(n.nspacl) as a
                where
                    a.grantee = 'tidemark_reader'::regrole and a.privilege_type = 'USAGE'
            )
            -- Everybody may use a schema, mostly `public`: then only its owner says it again.
            and (
                pg_has_role(current_user, n.nspowner, 'usage')
                or not has_schema_privilege('tidemark_reader', n.oid, 'usage')
            )
    loop
        execute format('grant usage on schema %I to tidemark_reader', v_schema);
    end loop;
    alter default privileges for role tidemark_etl grant usage on schemas to tidemark_reader;
    alter default privileges for role tidemark_etl grant select on tables to tidemark_reader;
exception
    when insufficient_privilege or undefined_object or unique_violation then null;
end;
$$;
