-- Roles, schemas and grants of a layer. Runs as the user that migrates; everything after it runs
-- as tidemark_etl, which so owns what the pipeline writes. Safe to run again.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tidemark_etl') then
        create role tidemark_etl nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'tidemark_analyst') then
        create role tidemark_analyst nologin;
    end if;
    if not pg_has_role(current_user, 'tidemark_etl', 'member') then
        execute format('grant tidemark_etl to %I', current_user);
    end if;
exception
    -- Roles belong to the server: another database of it may be migrating at this moment.
    when duplicate_object or unique_violation then null;
end;
$$;

create schema if not exists tidemark authorization tidemark_etl;
create schema if not exists landing authorization tidemark_etl;

grant usage, create on schema public to tidemark_etl;

alter default privileges for role tidemark_etl revoke execute on routines from public;
