"""Databases that nobody made for Tidemark, and areas that `init` writes for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fix_servers import HOME, Warehouse, new_databases
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import init, migrate
from tidemark.install.init import Scope, Written
from tidemark.model import DEFAULT_SOURCE, LAYERS, Overrides, ServerName
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult
from tidemark.trust import verify

STRANGERS = HOME / "tests" / "strangers"


@dataclass
class Stranger:
    """A database, and the layers of a warehouse, which have the platform alone until `migrate`."""

    warehouse: Warehouse
    home: Path
    opened: Servers
    area: str

    @property
    def url(self) -> str:
        return self.warehouse.dsn[DEFAULT_SOURCE]

    @property
    def project(self) -> Project:
        return Project(self.home)

    def init(self, **scope: Any) -> Written:
        return init.new(self.home, self.url, self.area, Scope(**scope))

    def migrate(self) -> None:
        migrate.migrate(self.project, self.opened)

    def run(self) -> BatchResult:
        """Run a batch. Of so few rows any delete is too many, unless it is accepted."""
        area = self.project.area(self.area)
        return pipeline.run(self.opened, area, overrides=Overrides(accept_deletes=True))

    def source(self, statements: str) -> None:
        """Change the source. Its counters know of deletes at once, and the margin has passed."""
        with self.warehouse.connect(DEFAULT_SOURCE) as connection:
            execute(connection, statements)
            execute(connection, "select pg_stat_force_next_flush()")
            execute(connection, "select pg_sleep(1.1)")

    def rows(self, server: ServerName, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows(server, query)

    def differences(self) -> list[Any]:
        found = verify.run(self.opened, self.project.area(self.area))
        return [*(one for c in found.checks for one in c.compared.differences), *found.audits]


Meet = Callable[..., Stranger]


@pytest.fixture
def meet(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Meet]:
    """Make a database of statements, and some for the layers that have the platform."""
    with ExitStack() as stack:

        def make(statements: str, area: str = "strange") -> Stranger:
            warehouse = Warehouse(stack.enter_context(new_databases(platforms, "strange")))
            stack.callback(warehouse.close)
            dsns: dict[ServerName, str] = {layer: warehouse.dsn[layer] for layer in LAYERS}
            dsns[area] = warehouse.dsn[DEFAULT_SOURCE]
            opened = stack.enter_context(Servers(dsns))
            stranger = Stranger(warehouse, tmp_path, opened, area)
            warehouse.execute(DEFAULT_SOURCE, statements)
            return stranger

        yield make
