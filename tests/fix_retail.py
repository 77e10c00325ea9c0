"""The retail area as a test drives it: rows into the source, batches through the layers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from psycopg2.extensions import connection as Connection

from tests import fix_citus
from tests.fix_servers import (
    CLONED,
    HOME,
    Warehouse,
    database,
    everywhere,
    lay,
)
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.model import NO_OVERRIDES, Hop, ServerName
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult, Counts, HopResult

T = TypeVar("T")

PATIENCE = 120
"""Seconds after which a test has waited in vain. What is waited for is there in a blink, but for a
machine that has much else to do."""

STAMP = datetime(2025, 1, 1, tzinfo=UTC)
"""When everything that the shop opens with was written."""

SOLD = datetime(2025, 1, 5, 12, tzinfo=UTC)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "customers": {
        "name": "Ada Byron",
        "email": "ada@example.com",
        "city": "Paris",
        "country": "France",
        "segment": "Basic",
        "created_at": STAMP,
    },
    "products": {"name": "Lamp", "product_group": "Home", "unit_price": 10, "created_at": STAMP},
    "sales": {
        "customer_id": 1,
        "product_id": 1,
        "quantity": 1,
        "unit_price": 10,
        "discount": 0,
        "status": "completed",
        "transaction_timestamp": SOLD,
        "created_at": STAMP,
    },
}
KEYS = {"customers": "customer_id", "products": "product_id", "sales": "sale_id"}

_LOST = ["_batch_id", "_first_batch_id", "_replaced_by", "_extracted_at"]
"""What a run that was disturbed may write differently from one that was not."""


@dataclass
class Retail:
    """A shop of three customers, two products and four sales, and the warehouse behind it."""

    warehouse: Warehouse
    servers: Servers
    area: Area
    home: Path
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process of its own to this warehouse."""
        return {**self.warehouse.environment, "TIDEMARK_HOME": str(self.home)}

    def open(self) -> None:
        """Insert what the shop opens with."""
        for key, name in enumerate(["Ada Byron", "Bea Potter", "Cy Young"], 1):
            self.add("customers", key, name=name, updated_at=STAMP)
        for key, name in enumerate(["Lamp", "Desk"], 1):
            self.add("products", key, name=name, updated_at=STAMP)
        for key in range(1, 5):
            self.add("sales", key, customer_id=1 + key % 2, quantity=key, updated_at=STAMP)

    def add(self, table: str, key: int, **columns: Any) -> None:
        """Insert a row into the source; it is stamped now unless `updated_at` says otherwise."""
        row = {**DEFAULTS[table], KEYS[table]: key, **columns}
        values = ", ".join(["%s"] * len(row))
        statement = f"insert into {table} ({', '.join(row)}) values ({values})"
        self.warehouse.execute("operational", statement, list(row.values()))

    def change(self, table: str, key: int, **columns: Any) -> None:
        """Update a row of the source; its trigger stamps it."""
        changes = ", ".join(f"{column} = %s" for column in columns)
        statement = f"update {table} set {changes} where {KEYS[table]} = %s"
        self.warehouse.execute("operational", statement, [*columns.values(), key])

    def delete(self, table: str, condition: str) -> None:
        """Delete rows of the source, whose counters then know at once."""
        with self.warehouse.connect("operational") as source:
            execute(source, f"delete from {table} where {condition}")
            execute(source, "select pg_stat_force_next_flush()")
            execute(source, "select 1")

    def run(self, **settings: Any) -> BatchResult:
        """Run a batch; `settings` go over those of area.yml, but for `overrides`."""
        overrides = settings.pop("overrides", NO_OVERRIDES)
        area = self.area.model_copy(update=settings)
        return pipeline.run(self.servers, area, overrides=overrides)

    def hop(self, hop: Hop, batch_id: int) -> HopResult:
        """Run one hop of a batch."""
        return pipeline.run_hop(self.servers, self.area, hop, batch_id)

    def begin(self) -> int:
        """Open a batch."""
        return pipeline.begin(self.servers, self.area)

    def entity(self, name: str, **settings: Any) -> dict[str, Any]:
        """Return settings for `run` in which one entity differs from area.yml."""
        changed = self.area.entities[name].model_copy(update=settings)
        return {"entities": {**self.area.entities, name: changed}}

    @contextmanager
    def without(self, layer: ServerName) -> Iterator[None]:
        """Take a layer's server away for the block."""
        kept = self.servers
        away = f"postgresql://nobody@127.0.0.1:1/{layer}"
        with Servers({**self.warehouse.dsn, layer: away}) as servers:
            self.servers = servers
            try:
                yield
            finally:
                self.servers = kept

    def back_up(self, layer: ServerName) -> Callable[[], None]:
        """Copy a layer's database, and return what restores it."""
        self.servers.close()
        server = database(self.warehouse.dsn[layer], "postgres")
        lay(server, "create database restored template tidemark_test")
        self.stack.callback(lay, server, "drop database restored with (force)")

        def restore() -> None:
            self.servers.close()
            self.servers.dsns[layer] = database(self.warehouse.dsn[layer], "restored")
            self.warehouse.dsn[layer] = self.servers.dsns[layer]

        return restore

    def run_beside(self) -> Future[BatchResult]:
        """Run a batch in a thread, with sessions of its own."""
        return self.beside(pipeline.run)

    def beside(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call `work(servers, area, …)` in a thread, with sessions of its own."""
        servers = self.stack.enter_context(Servers(self.servers.dsns))
        pool = ThreadPoolExecutor(1)
        running = pool.submit(work, servers, self.area, *arguments)
        pool.shutdown(wait=False)
        self.stack.callback(running.exception, PATIENCE)
        return running

    def open_session(self, layer: ServerName) -> Connection:
        """Open a session in which the first statement begins a transaction."""
        opened = self.warehouse.connect(layer)
        self.stack.callback(opened.close)
        opened.autocommit = False
        return opened

    @contextmanager
    def holding(self, layer: ServerName, lock: str) -> Iterator[None]:
        """Hold what a statement locks in a layer for the block."""
        holder = self.open_session(layer)
        execute(holder, lock)
        try:
            yield
        finally:
            holder.rollback()

    def start(self) -> subprocess.Popen[str]:
        """Start a batch in a process of its own, as an operator does."""
        return subprocess.Popen(
            [sys.executable, "-m", "tidemark", "run"],
            cwd=HOME,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill a process that holds the area, and wait until the server knows."""
        process.kill()
        process.communicate(timeout=PATIENCE)
        wait_until(lambda: not self.holders())

    def holders(self) -> list[tuple[Any, ...]]:
        """Return the pids of the sessions that hold an area."""
        return self.warehouse.rows(
            "dwh",
            """
            select a.pid from tidemark.lock as k
            inner join pg_stat_activity as a on k.xmax = a.backend_xid
            where k.name like 'run %'
            """,
        )

    def take_the_lock_away(self) -> None:
        """End the session that holds the area, as an administrator or a firewall may do."""
        self.warehouse.rows("dwh", "select pg_terminate_backend(%s)", self.holders()[0])
        wait_until(lambda: not self.holders())

    def wait_for_lock(self, layer: ServerName, waiting: int = 1) -> None:
        """Wait until so many sessions wait for a lock in a layer."""
        wait_until(lambda: self.waits_for_lock(layer, waiting))

    def waits_for_lock(self, layer: ServerName, waiting: int = 1) -> bool:
        """Whether so many sessions wait for a lock in a layer."""
        query = """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
        """
        return self.warehouse.rows(layer, query) >= [(waiting,)]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the layers hold, apart from numbers and times of batches."""
        tables = """
            select relname from pg_class
            where
                relkind = 'r' and relname ~ '^(mrr|stg)_' and relname <> 'stg_rejects'
                and relnamespace = 'public'::regnamespace
        """
        layers: tuple[ServerName, ...] = ("mrr", "stg")
        found = {}
        for layer in layers:
            for (table,) in self.warehouse.rows(layer, tables):
                query = f"select (to_jsonb(t) - %s::text[])::text from {table} as t order by 1"
                found[table] = self.warehouse.rows(layer, query, [_LOST])
        return {**found, **self.star(), "rejects": self.rejects()}

    def star(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return versions and facts; a fact shows which version it points at."""
        return {
            "customers": self.warehouse.rows(
                "dwh",
                """
                select customer_id, customer_name, email, city, country, segment,
                    valid_from, valid_to, is_current, is_deleted, is_inferred
                from dwh_dim_customers where customer_key <> 0 order by 1, valid_from
                """,
            ),
            "products": self.warehouse.rows(
                "dwh",
                """
                select product_id, product_name, product_group, unit_price,
                    valid_from, valid_to, is_current, is_deleted, is_inferred
                from dwh_dim_products where product_key <> 0 order by 1, valid_from
                """,
            ),
            "sales": self.warehouse.rows(
                "dwh",
                """
                select f.original_sale_id, c.customer_id, c.valid_from, p.product_id, p.valid_from,
                    f.date_key, f.quantity, f.net_amount, f.status, f.transaction_timestamp
                from dwh_fact_sales as f
                join dwh_dim_customers as c using (customer_key)
                join dwh_dim_products as p using (product_key) order by 1, 10
                """,
            ),
        }

    def rejects(self) -> list[tuple[Any, ...]]:
        """Return entity, key, reasons and whether it is resolved, in the order of arrival."""
        return self.warehouse.rows(
            "stg",
            """
            select entity, key, reasons, resolved_at is not null
            from stg_rejects order by first_seen_at, entity, key::text
            """,
        )

    def sales(self) -> list[tuple[Any, ...]]:
        """Return id and quantity of the published sales."""
        return self.warehouse.rows(
            "dwh", "select original_sale_id, quantity from dwh_fact_sales order by 1, 2"
        )


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Poll until a condition holds; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def processed(result: BatchResult, hop: Hop) -> dict[str, int]:
    """Return the rows that a hop of a batch moved, entity by entity."""
    return {name: counts.processed for name, counts in counted(result, hop).items()}


def counted(result: BatchResult, hop: Hop) -> Mapping[str, Counts]:
    """Return the counts of one hop of a batch."""
    return next(done.entities for done in result.hops if done.hop == hop)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with the retail area, whose windows reach as far as is safe: no margin."""
    area = tmp_path / "sql" / "retail"
    area.mkdir(parents=True)
    (tmp_path / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
    for path in (HOME / "sql" / "retail").iterdir():
        if path.name != "area.yml":
            (area / path.name).symlink_to(path)
    declared = (HOME / "sql" / "retail" / "area.yml").read_text("utf-8")
    (area / "area.yml").write_text(f"{declared}\nmargin: 0s\n{fix_citus.DECLARED}", "utf-8")
    return tmp_path


@pytest.fixture
def retail(warehouse: Warehouse, home: Path) -> Iterator[Retail]:
    """The shop, opened but not extracted."""
    with ExitStack() as stack, Servers(warehouse.dsn) as servers:
        shop = Retail(warehouse, servers, Project(home).area("retail"), home, stack)
        shop.open()
        yield shop


@pytest.fixture
def large_shop(retail: Retail) -> Retail:
    """A shop with rows enough for the guard to let a few go, after its first batch."""
    for key in range(100, 120):
        retail.add("sales", key)
        retail.add("customers", key)
    retail.run()
    return retail


@pytest.fixture
def undisturbed(retail: Retail, templates: dict[ServerName, str]) -> Iterator[Retail]:
    """A second warehouse on the same source, for what an undisturbed run would have written."""
    layers: tuple[ServerName, ...] = ("mrr", "stg", "dwh")
    dsn = retail.warehouse.dsn | {layer: database(templates[layer], "calm") for layer in layers}
    places = {layer: templates[layer] for layer in layers}
    with ExitStack() as stack:
        everywhere(places, f"create database calm {CLONED}")
        stack.callback(everywhere, places, "drop database calm with (force)")
        warehouse = Warehouse(dsn)
        stack.callback(warehouse.close)
        servers = stack.enter_context(Servers(dsn))
        yield Retail(warehouse, servers, retail.area, retail.home)
