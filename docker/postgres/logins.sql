-- The logins of a server: those whose passwords its environment has. Runs when the volume is new.
-- Safe to run again, which is how a changed password gets in (docs/operations.md).

\set ON_ERROR_STOP on
-- The login is a superuser, and others may create in `public`: nothing is looked up there.
set search_path = pg_catalog;
\getenv superuser POSTGRES_PASSWORD
\getenv etl TIDEMARK_ETL_PASSWORD
\getenv analyst TIDEMARK_ANALYST_PASSWORD
\getenv console TIDEMARK_CONSOLE_PASSWORD
\getenv owner TIDEMARK_OWNER_PASSWORD
\getenv airflow AIRFLOW_DB_PASSWORD

alter role postgres password :'superuser';

\if :{?etl}
    select 'create role tidemark_etl'
    where not exists (select from pg_roles where rolname = 'tidemark_etl') \gexec
    alter role tidemark_etl login password :'etl';
\endif

-- The source is an application's: the pipeline reads what postgres makes there, and sees since when
-- other sessions have a transaction open.
select current_database() = 'operational' as is_source \gset
\if :is_source
    grant usage on schema public to tidemark_etl;
    grant pg_read_all_stats to tidemark_etl;
    alter default privileges for role postgres in schema public
    grant select on tables to tidemark_etl;
\endif

\if :{?analyst}
    select 'create role tidemark_analyst'
    where not exists (select from pg_roles where rolname = 'tidemark_analyst') \gexec
    select 'create role analyst'
    where not exists (select from pg_roles where rolname = 'analyst') \gexec
    alter role analyst login password :'analyst' connection limit 20;
    grant tidemark_analyst to analyst;
\endif

-- It becomes what the person is whom it shows a page to: `migrate` says what it may become.
\if :{?console}
    select 'create role tidemark_console'
    where not exists (select from pg_roles where rolname = 'tidemark_console') \gexec
    alter role tidemark_console login password :'console';
\endif

-- Somebody whom the console shows all: rows of MRR and STG, rejects, and personal columns.
\if :{?owner}
    select 'create role tidemark_reader'
    where not exists (select from pg_roles where rolname = 'tidemark_reader') \gexec
    select 'create role owner'
    where not exists (select from pg_roles where rolname = 'owner') \gexec
    alter role owner login password :'owner' connection limit 20;
    grant tidemark_reader to owner;
\endif

\if :{?airflow}
    select 'create role airflow'
    where not exists (select from pg_roles where rolname = 'airflow') \gexec
    alter role airflow login password :'airflow';
    alter database airflow owner to airflow;
\endif
