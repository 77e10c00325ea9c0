-- What an analyst may do: read the star schema and the logs, and call the routines.

create schema if not exists partitions authorization tidemark_etl;

grant usage on schema public to tidemark_analyst;

alter default privileges for role tidemark_etl in schema public
grant select on tables to tidemark_analyst;

alter default privileges for role tidemark_etl in schema public
grant execute on routines to tidemark_analyst;
