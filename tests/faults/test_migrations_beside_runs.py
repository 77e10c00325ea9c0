"""`tidemark migrate` while a run is under way: one waits for the other, and both end well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.postgres.sessions import Servers

VIEWS = ["retail/stg/views/clean_customers.sql", "retail/stg/views/clean_sales.sql"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project after someone has edited two views."""
    shutil.copytree(HOME / "sql", tmp_path / "edited" / "sql")
    for view in VIEWS:
        with (tmp_path / "edited" / "sql" / view).open("a") as file:
            file.write("-- edited\n")
    return Project(tmp_path / "edited")


def edit(servers: Servers, _: Area, project: Project) -> list[str]:
    return migrate(project, servers, only=["stg"])["stg"].files


def test_a_migration_waits_for_the_hop_that_uses_what_it_changes(
    retail: Retail, undisturbed: Retail, project: Project
):
    """The run is between two views: the migration must not take the second one first."""
    with retail.holding("stg", "lock table stg_fact_sales in share mode"):
        running = retail.run_beside()
        retail.wait_for_lock("stg")
        migrating = retail.beside(edit, project)
        retail.wait_for_lock("stg", 2)
    running.result(PATIENCE)
    assert migrating.result(PATIENCE) == VIEWS
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


def test_a_run_waits_for_the_migration_that_changes_what_it_uses(
    retail: Retail, undisturbed: Retail, project: Project
):
    with retail.holding("stg", "lock table landing.clean_customers in access share mode"):
        migrating = retail.beside(edit, project)
        retail.wait_for_lock("stg")
        running = retail.run_beside()
        retail.wait_for_lock("stg", 2)
    assert migrating.result(PATIENCE) == VIEWS
    running.result(PATIENCE)
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()
