-- Make a versioned mirror of a table: lineage columns, primary key, history table and what
-- `track_versions` adds.
-- p_table may name its schema, as place_of says.
--
-- reads    the catalog
-- writes   the table p_table and <p_table>_history beside it
-- raises   undefined_table, and whatever the DDL raises (p_table has a primary key already, p_key
--          names no column)
-- repeat   not safe: it is called once, by the migration that creates the table
create or replace function tidemark.create_mirror(p_table text, p_key text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_place constant record := tidemark.place_of(p_table);
    v_name constant text := v_place.p_name;
    v_table constant text := v_place.p_quoted;
    v_history constant text := format('%I.%I', v_place.p_schema, v_name || '_history');
    v_key constant text := (
        select string_agg(quote_ident(k.name), ', ' order by k.position)
        from unnest(p_key) with ordinality as k (name, position)
    );
begin
    execute format(
        'alter table %s
            add column _batch_id bigint not null,
            add column _seq bigint not null default 0,
            add column _first_batch_id bigint not null,
            add column _extracted_at timestamptz not null,
            add column _deleted_at timestamptz,
            add constraint %I primary key (%s)',
        v_table, v_name || '_pkey', v_key
    );
    execute format('create table %s (like %s including comments)', v_history, v_table);
    execute format(
        'alter table %s alter column _seq set default 0,
            add constraint %I primary key (%s, _batch_id, _seq)',
        v_history, v_name || '_history_pkey', v_key
    );
    perform tidemark.track_versions(v_table::regclass, v_history::regclass);
    execute format(
        'comment on table %s is %L',
        v_history,
        'One row per version of ' || v_place.p_label || ' that a later one replaced.'
    );
    execute format('comment on column %s._batch_id is %L', v_table, 'Batch that extracted this version.');
    execute format(
        'comment on column %s._seq is %L',
        v_table,
        'Place of this version among those of its key that the batch showed, 0 where it was the one.'
    );
    execute format('comment on column %s._first_batch_id is %L', v_table, 'Batch that first saw this key.');
end;
$$;
