-- become
set session role tidemark_etl;

-- become_first
select
    pg_catalog.set_config(
        'role',
        coalesce(
            (
                select r.rolname::text
                from unnest(
                    array['tidemark_etl', 'tidemark_monitor']::text[]
                ) with ordinality as w (name, place)
                inner join pg_catalog.pg_roles as r on r.rolname operator(pg_catalog.=) w.name
                where pg_catalog.pg_has_role(session_user, r.oid, 'set')
                order by w.place
                limit 1
            ),
            'tidemark_monitor'
        ),
        false
    );
