-- Tell the coordinator of its workers (docker-compose.citus.yml). Safe to run again.

\set ON_ERROR_STOP on
\getenv superuser PGPASSWORD
\getenv etl TIDEMARK_ETL_PASSWORD

create extension if not exists citus;

-- The coordinator also logs in to itself, with a password: 0 is every node, -1 this one.
insert into pg_dist_authinfo (nodeid, rolename, authinfo)
values
(0, 'postgres', 'password=' || :'superuser'),
(-1, 'postgres', 'password=' || :'superuser'),
(0, 'tidemark_etl', 'password=' || :'etl'),
(-1, 'tidemark_etl', 'password=' || :'etl')
on conflict (nodeid, rolename) do update set authinfo = excluded.authinfo;

select citus_set_coordinator_host('dwh-db', 5432);
select
    citus_add_node('dwh-worker-1', 5432),
    citus_add_node('dwh-worker-2', 5432);
