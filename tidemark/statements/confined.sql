-- How a session with more rights than tidemark_etl runs and reads what tidemark_etl, or whoever
-- else, has made. Nothing here looks a name up where another role may have put one.

-- In a function that is security definer neither `set role` nor `set session authorization` is
-- allowed, whatever it calls. Its name is made for one call, so that nothing could wait for it.
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

-- COPY reads tables alone: of a view, a rule or a policy that somebody put there it is an error.
-- name: read
copy {table} ({columns}) to stdout (format csv)

-- name: fire_deferred
set constraints all immediate

-- A cursor `with hold` runs its query at commit, as whoever commits. Before PostgreSQL 18 so do
-- deferred triggers. A table whose triggers wait for the commit takes no `alter table`, and those of
-- a foreign key do nothing that is not PostgreSQL's own.
-- name: settle
close all;
do $settle$
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
$settle$
