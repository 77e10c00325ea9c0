-- How a person's question is asked: as a role that can only read, in a transaction that can only
-- read. A refcursor takes one statement, and only one that yields rows. No name in these statements
-- is looked up in a schema where another role may have put an object.

-- `set` is known since PostgreSQL 16, which all layers have.
-- name: who
select
    quote_ident(l.rolname),
    l.rolsuper,
    pg_is_in_recovery(),
    r.oid is not null,
    case
        when l.rolsuper then true
        when %(is_source)s then false
        else coalesce(pg_has_role(l.oid, r.oid, 'set'), false)
    end
from pg_roles as l
left join pg_roles as r on r.rolname = %(role)s
where l.rolname = session_user

-- A superuser's session would be one again after `set_config('role', 'none', …)`. So its questions
-- run in functions of the role: in those, and in all that they call, a change of role is an error.
-- name: confine
create function pg_temp.open_question(p_question text)
returns void language plpgsql security definer set search_path = public, pg_temp as $body$
declare
    v_rows refcursor := 'question';
begin
    open v_rows no scroll for execute p_question;
end;
$body$;
create function pg_temp.next_rows(p_rows integer)
returns setof text language plpgsql security definer set search_path = public, pg_temp as $body$
declare
    v_rows refcursor := 'question';
    v_row record;
begin
    for v_number in 1 .. p_rows loop
        fetch v_rows into v_row;
        exit when not found;
        return next v_row::text;
    end loop;
end;
$body$;
alter function pg_temp.open_question(text) owner to {role};
alter function pg_temp.next_rows(integer) owner to {role}

-- name: become
set local role {role}

-- Rows that a policy hides are left out for analysts, as in psql.
-- name: limit
set local row_security = on;
set local statement_timeout = %(milliseconds)s

-- name: open_confined
select pg_temp.open_question(%(question)s)

-- name: next_confined
select n.row_text from pg_temp.next_rows(%(rows)s) as n (row_text)

-- name: open
set local search_path = public, pg_temp;
select pg_catalog.set_config('tidemark.question', %(question)s, true);
do $body$
declare
    v_rows refcursor := 'question';
begin
    open v_rows no scroll for execute pg_catalog.current_setting('tidemark.question');
end;
$body$

-- name: next
fetch forward %(rows)s from question

-- What a cursor yields; it is not run for that.
-- name: shape
fetch forward 0 from question
