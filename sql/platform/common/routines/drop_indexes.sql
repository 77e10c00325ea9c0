-- Drop the indexes of a table, so that it is filled without them and they are built afterwards.
-- An index that something else needs (a foreign key, a view) stays. p_table may name its
-- schema, as place_of says.
--
-- reads    the catalog
-- writes   drops the indexes, and the primary key and unique constraints that they stand for
-- returns  the statements that make them again, in the order in which they were made
-- repeat   safe: a second call finds nothing and returns an empty array
create or replace function tidemark.drop_indexes(p_table text)
returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant regclass := (tidemark.place_of(p_table)).p_quoted::regclass;
    v_dropped text[] := '{}';
    v_index record;
begin
    for v_index in
        select
            case
                when c.oid is null then format('drop index %s', i.indexrelid::regclass)
                else format('alter table %s drop constraint %I', v_table, c.conname)
            end as drop_statement,
            case
                when c.oid is null
                    -- For a partitioned table it says ONLY, which would leave its partitions out.
                    then replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
                else format(
                    'alter table %s add constraint %I %s',
                    v_table, c.conname, pg_get_constraintdef(c.oid)
                )
            end as make_statement
        from pg_index as i
        left join pg_constraint as c
            on i.indexrelid = c.conindid and i.indrelid = c.conrelid and c.contype in ('p', 'u', 'x')
        where i.indrelid = v_table
        order by i.indexrelid
    loop
        begin
            execute v_index.drop_statement;
            v_dropped := v_dropped || v_index.make_statement;
        exception
            when dependent_objects_still_exist then null;
        end;
    end loop;
    return v_dropped;
end;
$$;
