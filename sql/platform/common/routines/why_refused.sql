-- Why a value is none of a type, with its column's name, such as 'quantity: not a valid integer'.
-- The value is not quoted: nobody knows how confidential it is.
--
-- Some types say what is wrong, others raise an error. One that is not about the value is raised
-- again: a lock, memory, a cancelled statement, something that is missing.
--
-- reads    the catalog
-- returns  null for a value of the type
-- repeat   safe
create or replace function tidemark.why_refused(p_column text, p_value text, p_type text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_state text;
begin
    begin
        if p_value is null then
            execute format('select null::%s', p_type);
        end if;
        -- As an expression without a query it would take the type of the first call for all others.
        select e.sql_error_code into v_state from pg_input_error_info(p_value, p_type) as e;
    exception
        when assert_failure or others then
            v_state := sqlstate;
            if left(v_state, 2) in ('40', '42', '53', '57', '58') then
                raise;
            end if;
    end;
    return p_column || ': ' || case
        when v_state in ('22P02', '22007') then 'not a valid ' || p_type
        when v_state in ('22003', '22008') then 'out of range for ' || p_type
        when v_state = '22001' then 'too long for ' || p_type
        when v_state = '23502' then p_type || ' takes no null'
        when v_state = '23514' then p_type || ' forbids it'
        when v_state is not null then format('not a valid %s (error %s)', p_type, v_state)
    end;
end;
$$;
