-- Who looks at this layer reads every table of Tidemark's, and does nothing else: `tidemark query`
-- works so. Later tables and schemas come with the right. A login that may not say this leaves it
-- unsaid: then `tidemark query` says what is missing.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tidemark_reader') then
        create role tidemark_reader nologin;
    end if;
    if not pg_has_role('tidemark_etl', 'tidemark_reader', 'set') then
        grant tidemark_reader to tidemark_etl;
    end if;
exception
    when insufficient_privilege then null;
    -- Roles belong to the server: another database of it may be migrating at this moment.
    when duplicate_object or unique_violation then null;
end;
$$;

do $$
declare
    v_schema text;
begin
    for v_schema in
        select n.nspname
        from pg_namespace as n
        where
            (n.nspowner = 'tidemark_etl'::regrole or n.nspname = 'public')
            and not has_schema_privilege('tidemark_reader', n.oid, 'usage')
    loop
        execute format('grant usage on schema %I to tidemark_reader', v_schema);
    end loop;
    alter default privileges for role tidemark_etl grant usage on schemas to tidemark_reader;
    alter default privileges for role tidemark_etl grant select on tables to tidemark_reader;
exception
    when insufficient_privilege or undefined_object then null;
end;
$$;
