-- become
set local role tidemark_analyst;

-- confine
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
alter function pg_temp.open_question(text) owner to tidemark_analyst;
alter function pg_temp.next_rows(integer) owner to tidemark_analyst;
