-- Put a table of a DWH that is on Citus onto its workers: with a column, the rows are distributed
-- by it; without, each worker has all of them. Rows that are there move, and none of them is left
-- behind. p_table may name its schema, as place_of says.
--
-- reads    the catalog
-- writes   where the rows of p_table lie
-- returns  whether they were moved: false if p_table was distributed already
-- raises   invalid_table_definition: something is unique without p_column, or it has a foreign key;
--          feature_not_supported: the database has no extension citus; undefined_table; whatever
--          Citus raises
-- repeat   safe
create or replace function tidemark.distribute(p_table text, p_column text default null)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant regclass := (tidemark.place_of(p_table)).p_quoted::regclass;
    v_unique constant text := (
        select min(i.indexrelid::regclass::text)
        from pg_index as i
        where
            i.indrelid = v_table
            and i.indisunique
            and not exists (
                select
                from pg_attribute as a
                where
                    a.attrelid = v_table
                    and a.attname = p_column
                    and a.attnum = any(i.indkey::int2[])
            )
    );
    v_foreign_key constant text := (
        select min(c.conname)
        from pg_constraint as c
        where c.conrelid = v_table and c.contype = 'f'
    );
begin
    if p_column is not null and v_foreign_key is not null then
        raise invalid_table_definition using message = format(
            '%s has the foreign key %s, which workers check at once and not at the end of a batch. '
            'Drop it in a new file of sql/: `tidemark verify` finds facts that point at nothing.',
            p_table, v_foreign_key
        );
    end if;
    if p_column is not null and v_unique is not null then
        raise invalid_table_definition using message = format(
            '%s is unique without column %s, by which %s is distributed: each worker would know its '
            'own rows alone. Add the column to it.',
            v_unique, p_column, p_table
        );
    end if;
    if to_regclass('pg_dist_partition') is null then
        raise feature_not_supported using message = format(
            '%s can''t be distributed: this database has no extension citus. Run `create extension '
            'citus;` on the coordinator and on its workers.',
            p_table
        );
    end if;
    -- Citus also knows tables that are on the coordinator alone, where a foreign key leads to one
    -- that every worker has.
    if exists (
        select
        from pg_dist_partition as d
        where d.logicalrelid = v_table and (d.partmethod <> 'n' or d.repmodel = 't')
    ) then
        return false;
    end if;
    if p_column is null then
        perform create_reference_table(v_table);
    else
        perform create_distributed_table(v_table, p_column);
    end if;
    perform truncate_local_data_after_distributing_table(v_table);
    return true;
end;
$$;
