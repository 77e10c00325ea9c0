-- read
copy tidemark.migration (path, checksum) to stdout (format csv);

-- run
set local search_path = pg_catalog, pg_temp;
set local role tidemark_etl;
create function pg_temp.tidemark_drawn(p_statements pg_catalog.text)
returns pg_catalog.void language plpgsql security definer as $body$
begin
    set local search_path = public, pg_temp;
    execute p_statements;
end;
$body$;
select
    pg_temp.tidemark_drawn(
        'alter table "landing"."customers" add column "vip" character varying(20)'::pg_catalog.text
    );
set local search_path = pg_catalog, pg_temp;
drop function pg_temp.tidemark_drawn(pg_catalog.text);
set local role none;
