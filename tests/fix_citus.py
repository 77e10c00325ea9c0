"""The DWH on Citus, for the tests that concern it: `TIDEMARK_TEST_CITUS` names the coordinator.

Its workers are those that the coordinator's database knows. A statement that makes or drops a
database runs on each of them as well. Tests then run one at a time (`scripts/test -n 0 -m citus`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2.extensions import connection

from tests.queries import execute, rows
from tidemark.declare.project import Project
from tidemark.postgres import sessions
from tidemark.star import distribution

COORDINATOR = os.environ.get("TIDEMARK_TEST_CITUS", "")
DECLARED = "distribution: citus\n" if COORDINATOR else ""
"""A line of the area.yml of tests."""
OF_THE_DWH = {"dwh", "warehouse", "retail", "made", "large_shop", "undisturbed", "star"}
"""Fixtures of tests that concern the DWH."""

OTHERWISE = {
    "test_analytics_analyst": "another role reads what an open transaction has written",
    "test_analytics_reports": "another role reads what an open transaction has written",
    "test_a_function_reads_only_the_partitions_of_its_range": "its plan is that of a worker",
    "test_amended_facts_leave_the_indexes_alone": "the indexes are on workers",
    "test_a_database_without_the_extension_is_told_so": "it has the extension",
    "test_a_dwh_without_the_extension_is_refused_and_stays_as_it_was": "it has the extension",
    "test_doctor_names_an_extension_that_is_not_there": "it has the extension",
    "test_restored": "a dump is restored on a server without the extension",
    "test_what_an_older_tidemark_filled_is_as_if_it_had_always_been_this_one": (
        "its database has no extension"
    ),
    "test_a_wrong_password_is_never_repeated": "the coordinator may ask its superuser for none",
    "test_foreign_keys": "facts have no foreign keys there",
    "test_a_deferred_constraint_is_told_of_the_area": "facts have no foreign keys there",
    "test_a_trigger_that_refuses_a_row_in_its_own_words": "facts and dimensions have no triggers",
    "test_a_serialization_failure_is_done_again": "facts have no triggers, and one raises it",
    "test_a_real_error_is_not_tried_again": "facts have no triggers, and one raises it",
    "test_the_last_attempt_is_the_error_of_the_batch": "facts have no triggers, and one raises it",
    "test_a_rule_of_the_star": "the error names the shard's constraint",
    "test_a_fact_that_the_star_refuses": "the error names no constraint",
    "test_a_star_may_have_columns_that_postgresql_computes": "Citus adds no identity column",
    "test_followed_messages": "Citus refuses a file that changes tables by several commands",
    "test_doctor_prints_what_keeps_analysts_in_bounds": (
        "tidemark_etl logs in, and the server keeps no connections for it"
    ),
    "test_the_composed_statements_are_those_that_were_reviewed": "they are those of one server",
    "test_sizes_are_those_of_postgresql": "of facts, the coordinator knows neither rows nor size",
    "test_versions_and_facts_that_can_not_be_are_named": "Citus refuses the damage",
    "test_a_column_of_a_dimension_that_was_never_published_is_no_added_one": (
        "the test changes columns by several commands at once"
    ),
    "test_what_would_change_without_facts_is_refused_before_anything_moves": (
        "the test's SELECT joins what Citus does not"
    ),
    "test_a_funnel_counts_users_who_take_the_steps_in_their_order": "a recursive query of facts",
    "test_what_the_other_area_lacks_is_told_before_anything_moves": "Citus renames no column so",
    "test_neither_refresh_nor_the_order_of_hops_misleads_a_fact": "rows come in another order",
}
"""Module or test -> why it is about one server."""

_MAKES = re.compile(r"(create|drop) database (\w+)(?: template (\w+))?")


@cache
def workers() -> tuple[tuple[str, int], ...]:
    """Return host and port of each worker."""
    query = "select nodename, nodeport from pg_dist_node where groupid <> 0 order by nodeid"
    with closing(psycopg2.connect(COORDINATOR)) as opened:
        return tuple(rows(opened, query))


def is_on(dsn: str) -> bool:
    """Whether a URL is one of the coordinator's."""
    return bool(COORDINATOR) and urlsplit(dsn).netloc == urlsplit(COORDINATOR).netloc


def makes_databases(statement: str) -> bool:
    """Whether a statement has to run on each node by itself."""
    return bool(_MAKES.match(statement))


def on_every_node(statement: str, *, is_extended: bool = True) -> None:
    """Make or drop a database on the coordinator and on its workers, which then know each other.

    Without `is_extended` they don't, and there is no extension either.
    """
    found = _MAKES.match(statement)
    assert found, statement
    verb, name, model = found.groups()
    for url in _nodes() if model else ():
        _close(url, model)
    for url in _nodes():
        with closing(psycopg2.connect(url)) as opened:
            opened.autocommit = True
            execute(opened, "set citus.enable_create_database_propagation = off")
            execute(opened, "set citus.enable_ddl_propagation = off")
            _drop(opened, url, name)
            if verb == "create":
                execute(opened, statement)
            if model:
                for one in (model, name):
                    execute(opened, f"alter database {one} allow_connections true")
    if verb == "create" and is_extended and not model:
        extend(name)


def _drop(opened: connection, url: str, name: str) -> None:
    """Drop a database; where a daemon that Citus has just begun is in the way, end that first."""
    statement = f"drop database if exists {name} with (force)"
    try:
        execute(opened, statement)
    except psycopg2.errors.ObjectInUse:
        # It logs in to its own database, for which the first statement let it wait.
        _close(url, name)
        execute(opened, statement)


def extend(name: str) -> None:
    """Give databases of a name the extension, and let the coordinator know its workers there."""
    install(name)
    join(name)


def install(name: str) -> None:
    """Give databases of a name the extension."""
    for url in _nodes():
        with closing(psycopg2.connect(_database(url, name))) as opened:
            opened.autocommit = True
            execute(opened, "create extension citus")


def join(name: str) -> None:
    """Let the coordinator know itself and its workers in a database."""
    parts = urlsplit(COORDINATOR)
    with closing(psycopg2.connect(_database(COORDINATOR, name))) as opened:
        opened.autocommit = True
        host = [parts.hostname, parts.port or 5432]
        execute(opened, "select citus_set_coordinator_host(%s, %s)", host)
        for worker in workers():
            execute(opened, "select citus_add_node(%s, %s)", list(worker))


def on_workers(statement: str, name: str = "") -> None:
    """Run a statement on each worker by itself, in the database of a name or the coordinator's."""
    for url in [*_nodes()][1:]:
        with closing(psycopg2.connect(_database(url, name) if name else url)) as opened:
            opened.autocommit = True
            execute(opened, "set citus.enable_ddl_propagation = off")
            execute(opened, statement)


def _nodes() -> Iterator[str]:
    parts = urlsplit(COORDINATOR)
    yield COORDINATOR
    for host, port in workers():
        yield parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{host}:{port}").geturl()


def _database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _close(url: str, name: str) -> None:
    """Let nobody use a database, such as its maintenance daemon, so that it can be copied."""
    end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s"
    with closing(psycopg2.connect(url)) as opened:
        opened.autocommit = True
        execute(opened, "set citus.enable_ddl_propagation = off")
        execute(opened, f"alter database {name} allow_connections false")
        execute(opened, end, [name])


def distribute(project: Project, dsn: str) -> None:
    """Distribute all areas of a migrated project, whose area.yml do not say so."""
    areas = [area.model_copy(update={"distribution": "citus"}) for area in project.areas.values()]
    with closing(sessions.connect(dsn, "dwh", purpose="test")) as session:
        for one in distribution.missing(session, areas):
            with session.transaction():
                session.run(one.statement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what concerns the DWH, where there is a Citus to run it on."""
    for item in items if COORDINATOR else ():
        names = set(getattr(item, "fixturenames", ()))
        ours = item.path.parent.name in ("database", "pipeline") and names & OF_THE_DWH
        if ours and not OTHERWISE.keys() & {item.path.stem, item.name.partition("[")[0]}:
            item.add_marker("citus")
