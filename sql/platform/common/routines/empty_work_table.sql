-- Leave a table of Tidemark's own empty, with these columns: make it where it is not there, and
-- anew where it has others. p_table is as regclass reads it; types are spelled as format_type does,
-- with ' generated always as identity' behind one whose column numbers the rows as they come.
--
-- A small table is emptied by delete, which touches no catalog. A large one is truncated: that
-- takes no longer for more rows, and gives back the space, that of dead rows too.
--
-- reads    the catalog
-- writes   p_table
-- repeat   safe
create or replace function tidemark.empty_work_table(
    p_table text, p_names text[], p_types text[]
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_large constant bigint := 1024 * 1024;
    v_table constant regclass := to_regclass(p_table);
    v_fits constant boolean := (
        select
            array_agg(a.attname::text order by a.attnum) = p_names
            and array_agg(
                format_type(a.atttypid, a.atttypmod)
                || case a.attidentity when 'a' then ' generated always as identity' else '' end
                order by a.attnum
            ) = p_types
        from pg_attribute as a
        where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped
    );
begin
    if v_fits and pg_relation_size(v_table) <= v_large then
        execute format('delete from %s', v_table);
        return;
    end if;
    if v_fits then
        execute format('truncate %s', v_table);
    else
        if v_table is not null then
            execute format('drop table %s', v_table);
        end if;
        execute format(
            'create unlogged table %s (%s)',
            p_table,
            (
                select string_agg(format('%I %s', c.name, c.type), ', ' order by c.position)
                from unnest(p_names, p_types) with ordinality as c (name, type, position)
            )
        );
    end if;
    -- Of a table that was never analyzed the planner thinks that it has ten pages at least.
    execute format('analyze %s', p_table);
end;
$$;
