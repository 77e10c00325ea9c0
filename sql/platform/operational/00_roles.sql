-- What the pipeline needs on a source: to read it, and to see every session's transaction start
-- (pg_read_all_stats), without which no safe upper bound is known. Applied to sample sources only.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tidemark_etl') then
        create role tidemark_etl nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end;
$$;

create schema if not exists tidemark;
grant pg_read_all_stats to tidemark_etl;
