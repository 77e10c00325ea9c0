-- How a session with more rights than tidemark_etl runs and reads what tidemark_etl, or any other
-- role, has made. No name here is looked up in a schema where another role may have put an object.

-- Inside of a `security definer` function, and in all that it calls, `set role` and `set session
-- authorization` are errors. The function's name is random, so that nobody could prepare for it.
-- name: run
set local search_path = pg_catalog, pg_temp;
set local role {etl};
create function pg_temp.{function}(p_statements pg_catalog.text)
returns pg_catalog.void language plpgsql security definer as $body$
begin
    set local search_path = public, pg_temp;
    execute p_statements;
end;
$body$;
select pg_temp.{function}({statements}::pg_catalog.text);
set local search_path = pg_catalog, pg_temp;
drop function pg_temp.{function}(pg_catalog.text);
set local role none

-- COPY reads tables only. If somebody has put a view, a rule or a policy there, it is an error.
-- name: read
copy {table} ({columns}) to stdout (format csv)

-- name: fire_deferred
set constraints all immediate

-- At commit, a cursor `with hold` runs its query with the rights of the session that commits.
-- Before PostgreSQL 18, so do deferred triggers. Whether a table still has waiting triggers is
-- found out by an `alter table` that changes nothing, and is undone: it fails where there are any
-- (55006). Triggers of foreign keys are left out, since they run only PostgreSQL's own code.
-- name: refuse_deferred
close all;
do $deferred$
declare
    v_table regclass;
begin
    for v_table in
        select distinct t.tgrelid::regclass
        from pg_trigger as t
        left join pg_constraint as k on t.tgconstraint = k.oid
        where t.tgdeferrable and (not t.tgisinternal or k.contype = 'x')
    loop
        begin
            execute format('alter table only %s reset (autovacuum_enabled)', v_table);
            raise sqlstate 'TM000';
        exception
            when sqlstate 'TM000' or insufficient_privilege then null;
        end;
    end loop;
end;
$deferred$
