-- Make a versioned mirror of a table: lineage columns, primary key, history table and indexes.
--
-- reads    the catalog
-- writes   the table p_table and <p_table>_history beside it
-- raises   whatever the DDL raises (p_table has a primary key already, p_key names no column)
-- repeat   not safe: it is called once, by the migration that creates the table
create or replace function tidemark.create_mirror(p_table text, p_key text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant text := 'public.' || quote_ident(p_table);
    v_history constant text := 'public.' || quote_ident(p_table || '_history');
    v_key constant text := (
        select string_agg(quote_ident(k.name), ', ' order by k.position)
        from unnest(p_key) with ordinality as k (name, position)
    );
begin
    execute format(
        'alter table %s
            add column _batch_id bigint not null,
            add column _first_batch_id bigint not null,
            add column _extracted_at timestamptz not null,
            add column _deleted_at timestamptz,
            add constraint %I primary key (%s)',
        v_table, p_table || '_pkey', v_key
    );
    execute format('create index %I on %s (_batch_id)', p_table || '_batch_id_idx', v_table);
    execute format('create table %s (like %s including comments)', v_history, v_table);
    execute format(
        'alter table %s add constraint %I primary key (%s, _batch_id)',
        v_history, p_table || '_history_pkey', v_key
    );
    execute format(
        'create index %I on %s (_batch_id)', p_table || '_history_batch_id_idx', v_history
    );
    execute format(
        'comment on table %s is %L',
        v_history,
        'One row per version of ' || p_table || ' that a later batch replaced.'
    );
    execute format('comment on column %s._batch_id is %L', v_table, 'Batch that extracted this version.');
    execute format('comment on column %s._first_batch_id is %L', v_table, 'Batch that first saw this key.');
end;
$$;
