-- What an analyst may do: read the star schema and the logs, and call the routines; make nothing,
-- and keep nobody waiting. Who only watches reads logs and marks (46_monitor.sql).

do $$
begin
    if to_regnamespace('partitions') is null then
        create schema partitions authorization tidemark_etl;
    end if;
end;
$$;

grant usage on schema public to tidemark_analyst, tidemark_monitor;

alter default privileges for role tidemark_etl in schema public
grant select on tables to tidemark_analyst;

alter default privileges for role tidemark_etl in schema public
grant execute on routines to tidemark_analyst;

-- The pipeline's login may look as analysts do: `tidemark query` and `tidemark psql` become
-- one. Who reads MRR and STG reads the star as well.
do $$
begin
    if not pg_has_role('tidemark_etl', 'tidemark_analyst', 'set') then
        grant tidemark_analyst to tidemark_etl;
    end if;
    if not pg_has_role('tidemark_reader', 'tidemark_analyst', 'usage') then
        grant tidemark_analyst to tidemark_reader;
    end if;
exception
    when insufficient_privilege or unique_violation then null;
end;
$$;

-- What only the owner of the database, or a superuser, may say. Where somebody else migrates,
-- `tidemark doctor` prints it.
do $$
declare
    v_database constant text := quote_ident(current_database());
    v_is_owner constant boolean := (
        select pg_has_role(current_user, d.datdba, 'usage')
        from pg_database as d
        where d.datname = current_database()
    );
    v_is_superuser constant boolean := (
        select r.rolsuper from pg_roles as r where r.rolname = current_user
    );
    v_function regprocedure;
begin
    if v_is_owner then
        execute 'revoke temporary on database ' || v_database || ' from public';
        execute 'grant temporary on database ' || v_database || ' to tidemark_etl';
        -- A limit that the operator has set stays.
        if exists (
            select
            from pg_settings as s
            where s.name = 'idle_in_transaction_session_timeout' and s.reset_val = '0'
        ) and not exists (
            select
            from pg_db_role_setting as s
            inner join pg_database as d on s.setdatabase = d.oid
            cross join lateral unnest(s.setconfig) as c (setting)
            where
                d.datname = current_database()
                and s.setrole = 0
                and c.setting ~ '^idle_in_transaction_session_timeout='
        ) then
            execute 'alter database ' || v_database
                || ' set idle_in_transaction_session_timeout = ''5min''';
        end if;
    end if;
    if v_is_superuser then
        grant pg_use_reserved_connections to tidemark_etl;
        -- Large objects are tables by another name. Advisory locks share their memory with all
        -- locks there are: who takes enough of them stops every session.
        for v_function in
            select p.oid::regprocedure
            from pg_proc as p
            where
                p.pronamespace = 'pg_catalog'::regnamespace
                and (
                    p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea')
                    or p.proname ~ '^pg_(try_)?advisory_(xact_)?lock'
                )
                and has_function_privilege('tidemark_analyst', p.oid, 'execute')
        loop
            execute 'revoke execute on function ' || v_function::text || ' from public';
            execute 'grant execute on function ' || v_function::text || ' to tidemark_etl';
        end loop;
    end if;
end;
$$;

-- On Citus, the coordinator logs in to its workers as the role of the session. Roles and their
-- settings are known there too.
do $$
declare
    v_role text;
    v_attribute text;
    v_failed text;
    v_setting text;
    v_value text;
begin
    if to_regclass('pg_catalog.pg_dist_node') is null then
        return;
    end if;
    if exists (
        select
        from pg_roles as r
        where
            r.rolname in ('tidemark_etl', 'tidemark_analyst', 'tidemark_reader')
            and not r.rolcanlogin
    ) then
        alter role tidemark_etl login;
        alter role tidemark_analyst login;
        alter role tidemark_reader login;
    end if;
    -- Citus passes on what is said of a role if the role was made after the extension.
    for v_role, v_attribute in
        select
            quote_ident(r.rolname),
            case when r.rolcanlogin then 'login' else 'nologin' end
        from pg_roles as r
        where
            r.rolname in (
                'tidemark_etl', 'tidemark_analyst', 'tidemark_reader', 'tidemark_monitor'
            )
            and not exists (
                select
                from pg_dist_object as o
                where o.classid = 'pg_authid'::regclass and o.objid = r.oid
            )
    loop
        select string_agg(format('%s:%s: %s', w.nodename, w.nodeport, w.result), '; ')
        into v_failed
        from run_command_on_workers(
            format(
                'set citus.enable_ddl_propagation = off;'
                ' select worker_create_or_alter_role(%1$L, ''create role %1$s %2$s'','
                ' ''alter role %1$s %2$s'')',
                v_role, v_attribute
            )
        ) as w
        where not w.success;
        if v_failed is not null then
            raise exception using message = v_failed;
        end if;
    end loop;
    for v_setting, v_value in
        select
            s.name,
            s.value
        from (
            values
            ('TimeZone', 'UTC'),
            ('DateStyle', 'ISO, MDY'),
            ('IntervalStyle', 'postgres'),
            ('extra_float_digits', '1'),
            ('bytea_output', 'hex'),
            ('lc_monetary', 'C'),
            ('lc_numeric', 'C'),
            ('lc_time', 'C')
        ) as s (name, value)
        inner join pg_roles as r on r.rolname = 'tidemark_etl'
        where array_position(r.rolconfig, s.name || '=' || s.value) is null
    loop
        execute format('alter role tidemark_etl set %I = %L', v_setting, v_value);
    end loop;
end;
$$;
