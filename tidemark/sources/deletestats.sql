-- What deletes leave behind in a PostgreSQL source.

-- Deletes are counted per table; TRUNCATE, a dropped partition and a restored table change which
-- file holds the rows; a crash resets the counts of the whole server. A table of another kind (a
-- view, a foreign table) counts nothing.
-- name: statistics
with recursive family as (
    select
        w.position,
        w.source::regclass::oid as oid
    from unnest(%(tables)s::text[]) with ordinality as w (source, position)
    union all
    select
        f.position,
        i.inhrelid
    from family as f
    inner join pg_inherits as i on f.oid = i.inhparent
),

counted as (
    select
        f.position,
        c.oid,
        c.relkind,
        pg_relation_filenode(c.oid) as filenode,
        pg_stat_get_tuples_deleted(c.oid) as deleted
    from family as f
    inner join pg_class as c on f.oid = c.oid
)

select
    position::int,
    case
        when
            current_setting('track_counts')::boolean
            and not pg_is_in_recovery()
            and bool_and(relkind in ('r', 'p'))
            then concat_ws(
                ' ',
                pg_postmaster_start_time(),
                pg_stat_get_bgwriter_stat_reset_time(),
                pg_stat_get_db_stat_reset_time(
                    (
                        select d.oid
                        from pg_database as d
                        where d.datname = current_database()
                    )
                ),
                string_agg(concat_ws(':', oid, filenode, deleted), ' ' order by oid)
            )
    end
from counted
group by position
