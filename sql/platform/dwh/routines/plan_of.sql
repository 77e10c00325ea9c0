-- How PostgreSQL would read a view, as text: on what this does not name, no row depends.
--
-- reads    nothing but the catalog
-- returns  the plan, with the columns that each step reads
-- raises   whatever a plan of the view raises
-- repeat   safe
create or replace function tidemark.plan_of(p_view oid)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
set enable_indexscan = off
set enable_indexonlyscan = off
as $$
declare
    v_line text;
    v_plan text := '';
begin
    for v_line in execute format('explain (verbose, costs off) select * from %s', p_view::regclass)
    loop
        v_plan := v_plan || v_line || E'\n';
    end loop;
    return v_plan;
end;
$$;
