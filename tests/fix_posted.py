"""Areas whose source is the inbox: their entities, and what applications post."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from tests.fix_areas import Made
from tests.fix_files import written
from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME, Warehouse
from tests.migrated import migrated_databases
from tidemark.declare.project import Project
from tidemark.layers import inbox
from tidemark.layers.inbox import Outcome
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify
from tidemark.trust.verification import Verification

THINGS = {"source": {"fields": {"id": "integer", "v": "text"}}, "key": ["id"]}


@dataclass
class Posting(Made):
    """A migrated area of events. A test posts some, and runs."""

    numbers: Iterator[int]

    @property
    def environment(self) -> dict[str, str]:
        """See `Made.environment`; there is no database of a source."""
        named = super().environment
        return {name: value for name, value in named.items() if "OPERATIONAL" not in name}

    def post(self, kind: str, event_id: str | None = None, **payload: Any) -> Outcome:
        event_id = event_id or f"{kind}-{next(self.numbers)}"
        event = inbox.Posted(event_id, kind, json.dumps(payload))
        with self.servers.session("mrr", "post") as mrr:
            (outcome,) = inbox.post(mrr, self.area.area, [event])
        return outcome

    def tell(self) -> None:
        with self.servers.session("mrr", "tell") as mrr:
            inbox.tell(mrr, [self.area.area])

    @contextmanager
    def hearing(self) -> Iterator[Callable[[], frozenset[str]]]:
        """Listen in the block; yields what waits until somebody tells of events, and of whose."""
        with self.servers.beside("listen") as servers, servers.session("mrr", "listen") as mrr:
            inbox.listen(mrr)
            yield lambda: inbox.heard(mrr, seconds=PATIENCE)

    def declare_shop(self) -> None:
        """Declare another area, whose database is not there: it would be an embedded server."""
        orders = {"orders": {"key": ["id"], "extract": "full"}}
        told = {"area": "shop", "source": {"name": "ledger"}, "entities": orders}
        written(self.home / "sql" / "shop" / "area.yml", yaml.safe_dump(told))

    def waiting(self) -> int:
        """Count the sessions in MRR that wait for a lock."""
        query = """
            select count(*) from pg_stat_activity
            where wait_event_type = 'Lock' and datname = current_database()
        """
        ((count,),) = self.rows("mrr", query)
        return int(count)

    def verified(self) -> Verification:
        return verify.run(self.servers, self.area)

    def rows(self, layer: ServerName, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows(layer, query)


def declare(
    home: Path,
    entities: Mapping[str, Any],
    *,
    area: str = "made",
    sql: Mapping[str, str] = MappingProxyType({}),
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write an area of events."""
    told = {"area": area, "source": {"kind": "events"}, "entities": entities, **settings}
    written(home / "sql" / area / "area.yml", yaml.safe_dump(told))
    for path, text in sql.items():
        written(home / "sql" / area / path, text)


Post = Callable[..., Posting]


@pytest.fixture
def posting(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Post]:
    """Make an area of events: its entities, and its SQL."""
    with ExitStack() as stack:
        home = tmp_path / "project"

        def make(entities: Mapping[str, Any] | None = None, **told: Any) -> Posting:
            declare(home, entities or {"things": THINGS}, **told)
            (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
            warehouse = Warehouse(
                stack.enter_context(migrated_databases(platforms, "posted", home))
            )
            stack.callback(warehouse.close)
            opened = stack.enter_context(Servers(warehouse.dsn, keeps_plans=True))
            return Posting(warehouse, opened, Project(home).area("made"), home, count(1))

        yield make
