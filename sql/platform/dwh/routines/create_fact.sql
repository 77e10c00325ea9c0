-- Make a fact of a table: the keys of its dimensions, an index on each, and the batch of each row.
-- p_table may name its schema, as place_of says. A comment is added unless there is one.
--
-- reads    the catalog
-- writes   the table p_table
-- raises   undefined_table, and whatever the DDL raises (the table has such a column already)
-- repeat   not safe: it is called once, by the migration that creates the table
create or replace function tidemark.create_fact(p_table text, p_dimension_keys text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant text := (tidemark.place_of(p_table)).p_quoted;
    v_grain constant text := (
        select string_agg(quote_ident(a.attname), ', ' order by k.position)
        from pg_index as i
        cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
        inner join pg_attribute as a on i.indrelid = a.attrelid and k.attnum = a.attnum
        where i.indrelid = v_table::regclass and i.indisprimary
    );
    v_column text;
begin
    foreach v_column in array p_dimension_keys loop
        execute format('alter table %s add column %I bigint not null', v_table, v_column);
        execute format('create index on %s (%I)', v_table, v_column);
    end loop;
    execute format('alter table %s add column _batch_id bigint not null', v_table);
    if v_grain is not null and obj_description(v_table::regclass, 'pg_class') is null then
        execute format('comment on table %s is %L', v_table, 'One row per ' || v_grain || '.');
    end if;
end;
$$;
