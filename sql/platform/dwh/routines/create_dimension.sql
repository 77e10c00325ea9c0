-- Make an SCD2 dimension of a table: validity columns, keys, unknown member, confirmations.
-- p_table may name its schema, as place_of says. A comment is added unless there is one.
--
-- reads    the catalog
-- writes   the table p_table and tidemark.<p_table>_confirmed, outside of public
--          tidemark."<schema>.<table>_confirmed"
-- raises   undefined_table, and whatever the DDL raises (p_table has a primary key already,
--          p_natural_key names no column)
-- repeat   not safe: it is called once, by the migration that creates the table
create or replace function tidemark.create_dimension(
    p_table text, p_surrogate_key text, p_natural_key text[]
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    v_place constant record := tidemark.place_of(p_table);
    v_name constant text := v_place.p_name;
    v_table constant text := v_place.p_quoted;
    v_confirmed constant text := format('tidemark.%I', v_place.p_label || '_confirmed');
    v_key constant text := (
        select string_agg(quote_ident(k.name), ', ' order by k.position)
        from unnest(p_natural_key) with ordinality as k (name, position)
    );
    v_column text;
begin
    execute format(
        'alter table %1$s
            add column valid_from timestamptz not null,
            add column valid_to timestamptz not null,
            add column is_current boolean not null,
            add column is_deleted boolean not null default false,
            add column is_inferred boolean not null default false,
            add column changed_at timestamptz not null,
            add column _batch_id bigint not null,
            add column _seq bigint not null default 0,
            add column _deleted_batch_id bigint,
            add column _deleted_seq bigint,
            add constraint %2$I primary key (%3$I),
            add constraint %4$I unique (%5$s, valid_from),
            add constraint %6$I check (valid_from < valid_to)',
        v_table,
        v_name || '_pkey', p_surrogate_key,
        v_name || '_one_version_per_instant', v_key,
        v_name || '_valid_from_before_valid_to'
    );
    execute format(
        'create unique index %I on %s (%s) where is_current',
        v_name || '_one_current_version', v_table, v_key
    );
    execute format(
        'create table %s as select %s, valid_from as confirmed_at, _batch_id, _seq from %s with no data',
        v_confirmed, v_key, v_table
    );
    execute format(
        'alter table %s alter column confirmed_at set not null, alter column _batch_id set not null,
            alter column _seq set not null, alter column _seq set default 0,
            add constraint %I primary key (%s, confirmed_at)',
        v_confirmed, v_place.p_label || '_confirmed_pkey', v_key
    );
    if obj_description(v_table::regclass, 'pg_class') is null then
        execute format('comment on table %s is %L', v_table, 'One row per version of ' || v_key || '.');
    end if;
    execute format(
        'comment on table %s is %L',
        v_confirmed,
        'One row per time at which the source showed a key of ' || v_place.p_label || ' unchanged. A late '
        || 'change that falls between two such times ends where the next one begins.'
    );
    execute format(
        'comment on column %s.is_deleted is %L',
        v_table,
        'A delete ended this version, at valid_to. The row is no tombstone: it was in force until then.'
    );
    execute format(
        'comment on column %s._deleted_batch_id is %L',
        v_table,
        'Batch that showed the delete; _batch_id is the one that showed the version.'
    );
    execute format(
        'comment on column %s.changed_at is %L',
        v_table,
        'When the source made the change; valid_from of a first version lies before it.'
    );
    -- The unknown member takes surrogate key 0 and no natural key, so the key may be null there only.
    foreach v_column in array p_natural_key loop
        execute format('alter table %s alter column %I drop not null', v_table, v_column);
    end loop;
    execute format(
        'insert into %s (%I, valid_from, valid_to, is_current, changed_at, _batch_id)
        values (0, $1, $2, true, $1, 0)',
        v_table, p_surrogate_key
    ) using timestamptz '1900-01-01 00:00:00+00', timestamptz '9999-12-31 00:00:00+00';
    execute format(
        'alter table %s add constraint %I check (%I = 0 or num_nulls(%s) = 0)',
        v_table, v_name || '_only_key_0_has_no_natural_key', p_surrogate_key, v_key
    );
end;
$$;
