-- Find the table that a name means: 'billing.mrr_invoices', or one of schema public by its bare
-- name. Names are taken as they are, capitals and blanks too. Where a schema has a dot in its name,
-- both are quoted as in SQL: '"our.billing"."mrr_invoices"'.
--
-- reads    the catalog
-- returns  p_schema and p_name, unquoted; p_quoted, as SQL takes both; p_label, without public
-- raises   undefined_table, invalid_schema_name: there is no such table
-- repeat   safe
create or replace function tidemark.place_of(
    p_table text, out p_schema text, out p_name text, out p_quoted text, out p_label text
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_dot constant integer := strpos(p_table, '.');
    v_parts text[];
begin
    p_schema := 'public';
    p_name := p_table;
    if to_regclass(format('public.%I', p_table)) is null and v_dot > 0 then
        p_schema := left(p_table, v_dot - 1);
        p_name := substr(p_table, v_dot + 1);
        if to_regclass(format('%I.%I', p_schema, p_name)) is null and strpos(p_table, '"') > 0 then
            v_parts := parse_ident(p_table);
            if cardinality(v_parts) = 2 then
                p_schema := v_parts[1];
                p_name := v_parts[2];
            end if;
        end if;
    end if;
    p_quoted := format('%I.%I', p_schema, p_name);
    perform p_quoted::regclass;
    p_label := case p_schema when 'public' then p_name else p_schema || '.' || p_name end;
end;
$$;
