"""Any catalog: `init`, `migrate`, `run`, changes, `run`, and all layers hold the same."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from tests.fix_servers import Warehouse
from tests.fix_strangers import Stranger
from tests.further import tries
from tests.strangers.catalogs import Database, databases
from tidemark.errors import ConfigError
from tidemark.install import reset
from tidemark.model import DEFAULT_SOURCE, LAYERS, ServerName
from tidemark.postgres.sessions import Servers

EXAMPLES = os.environ.get("TIDEMARK_CATALOGS")
NAMES = ("odd_one", "odd_two")
COUNT = int(EXAMPLES or tries(4, usually=2))
LAW = settings(
    max_examples=COUNT,
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)

Enter = Callable[[Database], AbstractContextManager[Stranger]]


@pytest.fixture
def enter(warehouse: Warehouse, tmp_path: Path) -> Enter:
    """Make a database in two schemas, and an empty project beside it."""
    numbers = itertools.count(1)

    @contextmanager
    def make(made: Database) -> Iterator[Stranger]:
        area = f"odd{next(numbers)}"
        dsns: dict[ServerName, str] = {layer: warehouse.dsn[layer] for layer in LAYERS}
        with Servers(dsns | {area: warehouse.dsn[DEFAULT_SOURCE]}) as servers:
            stranger = Stranger(warehouse, tmp_path / area, servers, area)
            gone = ", ".join(made.schemas)
            warehouse.execute(DEFAULT_SOURCE, f"drop schema if exists {gone} cascade")
            for statement in made.ddl:
                warehouse.execute(DEFAULT_SOURCE, statement)
            try_all(stranger, made.rows)
            yield stranger

    return make


def try_all(stranger: Stranger, statements: Sequence[str]) -> None:
    """Run statements, but for those that the database refuses."""
    for statement in statements:
        with suppress(psycopg2.IntegrityError):
            stranger.warehouse.execute(DEFAULT_SOURCE, statement)
    stranger.warehouse.execute(DEFAULT_SOURCE, "select pg_stat_force_next_flush()")


def initialised(stranger: Stranger) -> None:
    """Write an area without a margin, so that no change has to wait for it."""
    try:
        stranger.init(exclude=["public.*"])
    except ConfigError as error:
        assume("can be followed" not in str(error))
        raise
    path = stranger.home / "sql" / stranger.area / "area.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("\nentities:", "\nmargin: 0s\nentities:"), "utf-8")


@pytest.mark.timeout(300 + 10 * COUNT)
@LAW
@given(databases(NAMES))
def test_whatever_a_catalog_has_is_the_same_in_all_layers(enter: Enter, made: Database):
    with enter(made) as odd:
        initialised(odd)
        odd.migrate()
        odd.run()
        assert odd.differences() == []
        try_all(odd, made.changes)
        odd.run()
        assert odd.differences() == []
        reset.run(odd.opened, odd.project, odd.project.area(odd.area), ("dwh", "stg", "mrr"))
