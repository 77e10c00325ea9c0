"""Rules of style that the catalog can answer for, over every object of every layer.

Each test asks for the offenders, so a failure names them.
"""

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_servers import SERVERS
from tests.queries import rows
from tidemark.model import ServerName

OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
"""Of the schemas n, those that are not PostgreSQL's own."""


@pytest.fixture(params=SERVERS)
def layer(request: pytest.FixtureRequest) -> Connection:
    """Each migrated layer in turn."""
    name: ServerName = request.param
    connection: Connection = request.getfixturevalue(name)
    return connection


def test_the_comment_of_a_table_or_view_starts_with_its_grain(layer: Connection) -> None:
    query = f"""
        select n.nspname, c.relname, obj_description(c.oid, 'pg_class')
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where
            {OURS}
            and c.relkind in ('r', 'p', 'v', 'm')
            and not c.relispartition
            and obj_description(c.oid, 'pg_class') ~ '^One row per ' is not true
    """

    assert rows(layer, query) == []


def test_a_constraint_has_a_name_that_says_what_it_demands(layer: Connection) -> None:
    """A primary key may keep PostgreSQL's name for it; any other such name only repeats columns."""
    query = f"""
        select n.nspname, c.relname, k.conname
        from pg_constraint as k
        inner join pg_class as c on k.conrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        where
            {OURS}
            and not c.relispartition
            and k.conname like any (case k.contype
                when 'c' then array['%\\_check', '%\\_check_']
                when 'f' then array['%\\_fkey', '%\\_fkey_']
                when 'u' then array['%\\_key', '%\\_key_']
                when 'x' then array['%\\_excl', '%\\_excl_']
            end)
    """

    assert rows(layer, query) == []


def test_a_time_has_its_zone_wherever_it_is_stored_or_published(layer: Connection) -> None:
    query = f"""
        select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
        from pg_attribute as a
        inner join pg_class as c on a.attrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        where
            {OURS}
            and (c.relkind in ('r', 'p') or n.nspname = 'public')
            and a.atttypid in ('timestamp'::regtype, 'time'::regtype, 'timetz'::regtype)
    """

    assert rows(layer, query) == []


def test_a_foreign_key_has_an_index_that_starts_with_it(layer: Connection) -> None:
    query = """
        select k.conrelid::regclass::text, k.conname
        from pg_constraint as k
        where k.contype = 'f' and not exists (
            select from pg_index as i
            where
                i.indrelid = k.conrelid
                and i.indpred is null
                and (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey
        )
    """

    assert rows(layer, query) == []


def test_a_routine_sets_its_search_path(layer: Connection) -> None:
    """SQL functions that are one expression need not: they are resolved when they are made, and set
    they would not be inlined."""
    query = f"""
        select p.oid::regprocedure::text
        from pg_proc as p
        inner join pg_namespace as n on p.pronamespace = n.oid
        inner join pg_language as l on p.prolang = l.oid
        where
            {OURS}
            and not (l.lanname = 'sql' and (p.provolatile = 'i' or p.prosqlbody is not null))
            and not exists (
                select from unnest(p.proconfig) as s (setting)
                where s.setting like 'search_path=%'
            )
    """

    assert rows(layer, query) == []


def test_what_runs_with_the_rights_of_its_owner_is_owned_by_the_writer(dwh: Connection) -> None:
    query = f"""
        select o.owner::regrole::text, string_agg(distinct o.kind, ', ' order by o.kind)
        from (
            select c.relowner as owner, 'view' as kind
            from pg_class as c
            inner join pg_namespace as n on c.relnamespace = n.oid
            where {OURS} and c.relkind = 'v'
            union all
            select p.proowner, 'security definer' from pg_proc as p where p.prosecdef
        ) as o
        group by o.owner
    """

    assert rows(dwh, query) == [("tidemark_etl", "security definer, view")]
