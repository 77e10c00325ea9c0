"""Faults: servers that crash, statements that are counted, and a start that is returned to."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_machines import Machines
from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.fix_servers import (
    Warehouse,
    connect,
    database,
)
from tests.further import ALL
from tests.queries import execute, rows
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.errors import TidemarkError
from tidemark.model import Hop, Layer, ServerName
from tidemark.postgres import transfer
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import window
from tidemark.sources.window import Activity

WAREHOUSE: tuple[ServerName, ...] = ("mrr", "stg", "dwh")
RECEIVERS: dict[Hop, Layer] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}

KILL_EVERY = int(os.environ.get("TIDEMARK_KILL_EVERY", "3" if ALL else "48"))
"""One statement in so many sees a fault. 1: every statement."""

Strike = Callable[[ServerName], None]
"""What happens before a statement is sent to a layer."""

_STORED = """
    select
        string_agg(
            format(
                'select %%L, (to_jsonb(t) - %%L::text[])::text from %%s as t',
                c.oid::regclass, %(lost)s::text[], c.oid::regclass
            ),
            ' union all '
        ) || ' order by 1, 2'
    from pg_class as c
    where
        c.relkind in ('r', 'p')
        and not c.relispartition
        and c.relnamespace::regnamespace::text = any(%(schemas)s)
        and c.relname !~ '^(dq_|etl_|ref_|migration|dwh_dim_date|lock$)'
"""
_LOST = [
    *("_batch_id", "_first_batch_id", "_replaced_by", "batch_id"),
    *("applied_at", "moved_at", "noted_at", "published_at"),
]


def stored(warehouse: Warehouse, layer: ServerName, *schemas: str) -> list[tuple[Any, ...]]:
    """Return all rows of a layer's schemas, apart from the journal and the numbers of batches."""
    which = {"lost": _LOST, "schemas": list(schemas)}
    [[query]] = warehouse.rows(layer, _STORED, which)
    return warehouse.rows(layer, query)


def struck(first: int, rarer: int = 1) -> Iterator[int]:
    """Yield the numbers of the statements that see a fault, without an end.

    Args:
        first: which of the first ones begins. Tests of the same statements have different ones, so
            that one strikes what the other leaves out.
        rarer: how many times rarer than one in KILL_EVERY, where a fault takes long.
    """
    every = 1 if KILL_EVERY == 1 else KILL_EVERY * rarer
    return itertools.count(1 + (first - 1) * rarer % every, every)


@contextmanager
def before_each_statement(strike: Strike) -> Iterator[None]:
    """Call `strike` before each statement that this process sends, whichever thread sends it."""
    sending = Session._cursor

    @contextmanager
    def struck(session: Session) -> Iterator[Any]:
        strike(session.server)
        with sending(session) as cursor:
            yield cursor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "_cursor", struck)
        yield


@contextmanager
def before_statement(number: int, strike: Strike) -> Iterator[None]:
    """Call `strike` once, before the statement of this number."""
    numbers = itertools.count(1)

    def count(layer: ServerName) -> None:
        if next(numbers) == number:
            strike(layer)

    with before_each_statement(count):
        yield


@contextmanager
def comparable(clock: datetime) -> Iterator[None]:
    """Make runs of different times comparable.

    The source's clock stands still, so that they come to the same; streams run one by one, so that
    the statement of one number is the same in all of them.
    """
    activity = window.activity

    def standing(*asked: Any) -> tuple[Activity, object]:
        seen, answer = activity(*asked)
        return replace(seen, clock=clock), answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "activity", standing)
        patch.setattr(transfer, "STREAMS", 1)
        yield


def _run_until(
    hop: Hop, number: int, dsns: dict[ServerName, str], area: Area, clock: datetime
) -> None:
    """Run a hop, and die before its statement of this number. The target of a process."""

    def die(_: ServerName) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with comparable(clock), before_statement(number, die), Servers(dsns) as servers:
        pipeline.run_hop(servers, area, hop)


# Processes are forked from a server that has loaded all that a run uses and has never had a thread:
# what a library's thread had locked when it was forked would stay locked.
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["__main__", "tests.forked"])


def killed(
    hop: Hop, number: int, dsns: dict[ServerName, str], area: Area, clock: datetime
) -> int | None:
    """Run a hop in a process that is killed before it sends its statement of this number.

    Returns:
        How the process ended: 0 if the hop has fewer statements.
    """
    process = _FORKED.Process(target=_run_until, args=(hop, number, dsns, area, clock))
    process.start()
    process.join(PATIENCE)
    return process.exitcode


class Trial:
    """A batch that is tried again and again, each time with another fault in one of its hops."""

    def __init__(self, shop: Retail, clock: datetime, first: int) -> None:
        self.shop = shop
        self.clock = clock
        self.first = first
        self._fault = ""
        self._written: set[ServerName] = {*WAREHOUSE}
        self._administrators: dict[ServerName, Connection] = {}
        self._save()
        shop.run()
        self._expected = self._outcome()
        self._restore()

    def faults(self, hop: Hop, rarer: int = 1) -> Iterator[int]:
        """Yield the hop's numbers of `struck`: each is to see one fault, then `recover`.

        In the end the hop has been run, and the next one can be tried.
        """
        self._save()
        sent: list[ServerName] = []
        with before_each_statement(sent.append):
            self._run(hop)
        self._restore()
        yield from itertools.takewhile(len(sent).__ge__, struck(self.first, rarer))
        self._run(hop)

    def kill(self, hop: Hop, number: int) -> None:
        """Run a hop in a process of its own that is killed before it sends a statement."""
        self._fault = f"killed before statement {number} of {hop}"
        self._written = {RECEIVERS[hop], "dwh"}
        self.shop.servers.close()
        code = killed(hop, number, self.shop.warehouse.dsn, self.shop.area, self.clock)
        assert code == -signal.SIGKILL
        for layer in WAREHOUSE:
            wait_until(partial(self._is_free, layer))

    def crash(self, hop: Hop, number: int, machines: Machines) -> None:
        """Run a hop, and crash the server to which a statement is sent. It may survive that."""
        self._fault = f"the server of statement {number} of {hop} crashed before it"
        self._written = {*WAREHOUSE}
        with before_statement(number, machines.crash), suppress(TidemarkError):
            self._run(hop)
        self.close()

    def recover(self) -> None:
        """Run again, compare all layers with what an undisturbed run makes, and start over.

        From a state that a run has gone on from already, it is not run again.
        """
        left = self._stored()
        if left not in self._recovered:
            self.shop.run()
            assert self._outcome() == self._expected, self._fault
            self._recovered.append(left)
            self._restore()
        elif left != self._start:
            # What `stored` leaves out, such as the journal, decides about statements as well.
            self._restore([one for one in WAREHOUSE if one in self._written])

    def _run(self, hop: Hop) -> None:
        pipeline.run_hop(self.shop.servers, self.shop.area, hop)

    def _outcome(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what all layers hold and how far they say they are, apart from ids of batches."""
        warehouse = self.shop.warehouse
        extracted = "select entity, position ->> 'high' from tidemark.source_position order by 1"
        published = "select entity, high_water_mark from high_water_mark order by 1"
        return {
            **self.shop.contents(),
            "extracted": warehouse.rows("mrr", extracted),
            "published": warehouse.rows("dwh", published),
            "dates": warehouse.rows("dwh", "select count(*) from dwh_dim_date"),
        }

    def _stored(self) -> dict[ServerName, list[tuple[Any, ...]]]:
        schemas = ("public", "landing", "tidemark")
        return {layer: stored(self.shop.warehouse, layer, *schemas) for layer in WAREHOUSE}

    def _save(self) -> None:
        """Make the present state the one that `_restore` returns to."""
        self._start, self._recovered = self._stored(), list[object]()
        self._each(WAREHOUSE, lambda layer: _copy(_name(self.shop, layer), "start"))

    def _restore(self, layers: Sequence[ServerName] = WAREHOUSE) -> None:
        self._each(layers, lambda layer: _copy("start", _name(self.shop, layer)))

    def _is_free(self, layer: ServerName) -> bool:
        """Whether no session of a run is there any more."""
        query = """
            select true from pg_stat_activity
            where datname = %s and application_name like 'tidemark %%'
        """
        return not rows(self._administrator(layer), query, [_name(self.shop, layer)])

    def close(self) -> None:
        """Close all sessions; what needs one opens it again."""
        self.shop.servers.close()
        self.shop.warehouse.close()
        while self._administrators:
            self._administrators.popitem()[1].close()

    def _each(
        self,
        layers: Sequence[ServerName],
        statements: Callable[[ServerName], Sequence[str]],
    ) -> None:
        """Run statements on servers, when no session uses this warehouse."""

        def one(layer: ServerName) -> None:
            for statement in statements(layer):
                execute(self._administrator(layer), statement)

        if layers:
            self.shop.servers.close()
            self.shop.warehouse.close()
            with ThreadPoolExecutor() as pool:
                list(pool.map(one, layers))

    def _administrator(self, layer: ServerName) -> Connection:
        """Return a session on a layer's server that uses no database of the warehouse."""
        if layer not in self._administrators:
            dsn = database(self.shop.warehouse.dsn[layer], "postgres")
            self._administrators[layer] = connect(dsn)
        return self._administrators[layer]


def _copy(old: str, new: str) -> Sequence[str]:
    # As a copy of files: in a copy by the log a sequence would go back after a crash, since it
    # believes that its next 32 numbers are logged, and that was in the other database.
    return (
        f"drop database if exists {new} with (force)",
        f"create database {new} template {old} strategy file_copy",
    )


def _name(shop: Retail, layer: ServerName) -> str:
    return shop.warehouse.dsn[layer].rpartition("/")[2]


@pytest.fixture(params=["a first load", "a delta"])
def trial(request: pytest.FixtureRequest, retail: Retail) -> Iterator[Trial]:
    """A first load, or changes of every kind of which one batch waits in MRR for STG.

    They send much the same statements, so the faults of one fall between those of the other.
    """
    retail.area = retail.area.model_copy(
        update={
            "entities": {
                name: entity.model_copy(update={"max_delete_ratio": 0.5})
                for name, entity in retail.area.entities.items()
            }
        }
    )
    first = 1
    if request.param == "a delta":
        first = 2
        retail.run()
        _change(retail)
        retail.hop("extract", retail.begin())
        _change_again(retail)
    [[clock]] = retail.warehouse.rows("operational", "select clock_timestamp()")
    with comparable(clock), closing(Trial(retail, clock, first)) as trial:
        yield trial


def _change(shop: Retail) -> None:
    shop.change("customers", 1, city="Lyon")
    shop.change("customers", 2, name=" ")
    shop.add("customers", 4, name=" ")
    shop.change("products", 2, name="Standing desk", unit_price=250)
    shop.change("sales", 1, quantity=7)
    shop.add("sales", 5, customer_id=4)


def _change_again(shop: Retail) -> None:
    """Change what waits, mend a reject, delete, and let facts and history come late."""
    shop.change("customers", 1, city="Nice")
    shop.change("customers", 2, name="Bea Potter")
    shop.add("products", 3, unit_price=-1)
    shop.change("products", 2, unit_price=260)
    shop.change("sales", 2, transaction_timestamp="2025-03-05")
    shop.add("sales", 6, customer_id=4, product_id=3, transaction_timestamp="2024-12-31")
    shop.warehouse.execute("operational", "delete from sales where sale_id = 3")
    shop.warehouse.execute("operational", "delete from customers where customer_id = 3")
