-- Write a row of a table as jsonb. A column that jsonb makes an error of is kept as text: json may
-- hold \u0000, half a surrogate pair, 1e999999.
--
-- reads    the catalog
-- returns  an object with the columns of p_row; null for null
-- repeat   safe
create or replace function tidemark.row_data(p_row anyelement)
returns jsonb
language plpgsql
strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_data jsonb := '{}';
    v_column name;
    v_value jsonb;
begin
    return to_jsonb(p_row);
exception
    when data_exception or program_limit_exceeded then
        for v_column in
            select a.attname
            from pg_type as t
            inner join pg_attribute as a on t.typrelid = a.attrelid
            where t.oid = pg_typeof(p_row) and a.attnum > 0 and not a.attisdropped
        loop
            begin
                execute format('select to_jsonb(($1).%I)', v_column) into v_value using p_row;
            exception
                when data_exception or program_limit_exceeded then
                    execute format('select to_jsonb(($1).%I::text)', v_column)
                    into v_value using p_row;
            end;
            v_data := v_data || jsonb_build_object(v_column, v_value);
        end loop;
        return v_data;
end;
$$;
