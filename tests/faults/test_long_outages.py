"""Servers that are away for as long as an hour: nothing is lost, and nobody spins or gives up.

The waits between two attempts are so short that an hour of them takes seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest

from tests.fix_assets import Bank
from tests.fix_machines import Machines
from tests.fix_queues import Fed, Feed
from tests.fix_retail import PATIENCE, wait_until
from tests.fix_servers import HOME, Warehouse
from tests.fix_service import headers, served
from tests.further import tries
from tests.oracles.assets import Told, star
from tidemark.api import pool
from tidemark.api.service import Service
from tidemark.batch import consuming, worker
from tidemark.batch.consuming import Consumed, Manner
from tidemark.batch.stopping import Stopping
from tidemark.batch.worker import Worker
from tidemark.declare.project import Project
from tidemark.model import ServerName
from tidemark.postgres import retries, sessions
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers

WAIT = 0.02
"""Seconds between two attempts, instead of a minute."""
ATTEMPTS = tries(60, usually=20)
"""How often somebody tries in an hour, with a minute between two attempts; a third is the usual."""
REFUSED = "select count(*) from tidemark.refused"


@dataclass
class Trade:
    """An asset bank with a service, its worker and a queue; and all that it was told."""

    bank: Bank
    fed: Fed
    client: httpx.Client
    machines: Machines
    tried: Counter[tuple[str, ServerName]]
    """What a session is for, and where -> how often one was asked for."""
    told: list[Told] = field(default_factory=list)

    def event(self) -> dict[str, Any]:
        """Make an event that nobody has told yet."""
        number = len(self.told) + 1
        at = f"2023-10-15T{number // 60:02}:{number % 60:02}:00+00:00"
        said = {"s3_key": f"k{number % 3}", "user_nk": f"u{number}", "transaction_timestamp": at}
        event = Told(f"e{number:03}", "asset_transferred", said)
        self.told.append(event)
        return {"kind": event.kind, "event_id": event.event_id, "payload": said}

    def post(self, event: dict[str, Any]) -> httpx.Response:
        return self.client.post("/v1/events", json={"events": [event]})

    @contextmanager
    def without(self, server: ServerName) -> Iterator[None]:
        """Stop a server in the block. Meanwhile nobody asks for it without waits in between."""
        self.bank.warehouse.close()
        self.machines.stop(server)
        began, before = time.monotonic(), self.tried.copy()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self.machines.start(server)
        most = max((self.tried - before).values())
        assert most < 4 * (seconds / WAIT + ATTEMPTS)

    def is_whole(self) -> bool:
        """Whether the star has all that was told, once."""
        return self.bank.star() == star(self.told)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, ServerName]]:
    """Let everybody wait for a moment only; returns who has asked for a session, and how often."""
    tried: Counter[tuple[str, ServerName]] = Counter()
    connect = sessions.connect

    def counted(dsn: str, server: ServerName, *, purpose: str, **more: Any) -> Session:
        tried[purpose.partition(" ")[0], server] += 1
        return connect(dsn, server, purpose=purpose, **more)

    monkeypatch.setattr(sessions, "connect", counted)
    for waiting in (worker, consuming):
        monkeypatch.setattr(waiting, "FIRST_WAIT", WAIT)
        monkeypatch.setattr(waiting, "LONGEST_WAIT", WAIT)
    monkeypatch.setattr(pool, "_PAUSE", WAIT)
    monkeypatch.setattr(retries, "FIRST_WAIT", WAIT / 20)
    return tried


@pytest.fixture
def trade(
    warehouse: Warehouse,
    machines: Machines,
    feed: Feed,
    impatient: Counter[tuple[str, ServerName]],
) -> Iterator[Trade]:
    """The area of assets on servers that may be stopped."""
    area = Project(HOME).area("assets")
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(warehouse.dsn))
        bank = Bank(warehouse, servers, area, HOME, count(1))
        service = Service([area], warehouse.dsn, worker=Worker(servers, [area]))
        named = headers(bank, "clients", "*", "read:*")
        url = stack.enter_context(served(service))
        client = stack.enter_context(httpx.Client(base_url=url, headers=named, timeout=60))
        yield Trade(bank, feed(bank), client, machines, impatient)


@contextmanager
def consuming_all(trade: Trade) -> Iterator[list[Consumed]]:
    """Consume the queue in the block; yields what becomes what it has done."""
    trade.fed.manner = Manner(wait=1, visibility=2)
    done: list[Consumed] = []
    stopping = Stopping()
    with trade.bank.servers.beside("consume") as servers:
        one = trade.fed.consumer(servers, stopping)
        thread = threading.Thread(target=lambda: done.append(one.run()))
        thread.start()
        try:
            yield done
        finally:
            stopping.asked.set()
            thread.join(PATIENCE)


def test_an_hour_without_mrr_delays_what_is_told_and_loses_nothing(trade: Trade):
    answers: set[tuple[int, str | None]] = set()
    with consuming_all(trade) as done:
        trade.fed.send(trade.event())
        assert trade.post(trade.event()).status_code == 202
        wait_until(trade.is_whole)
        with trade.without("mrr"):
            trade.fed.send(*(trade.event() for _ in range(15)))
            refused = trade.event()
            goal = trade.tried.copy()
            goal.update({(one, "mrr"): ATTEMPTS for one in ("work", "listen", "consume")})
            while not goal <= trade.tried:
                answer = trade.post(refused)
                answers.add((answer.status_code, answer.headers.get("retry-after")))
            assert sum(trade.fed.left()) == 15
        wait_until(lambda: trade.post(refused).status_code == 202)
        wait_until(lambda: trade.is_whole() and trade.fed.left() == (0, 0))
    assert answers == {(503, "5")}
    assert (done[0].stored, done[0].refused, trade.bank.rows("mrr", REFUSED)) == (16, 0, [(0,)])


@pytest.mark.further(but=["stg"])
@pytest.mark.parametrize("server", ["stg", "dwh"])
def test_an_hour_without_another_layer_delays_what_is_told_and_no_call(
    trade: Trade, server: ServerName
):
    assert trade.post(trade.event()).status_code == 202
    wait_until(trade.is_whole)
    with trade.without(server):
        goal = trade.tried + Counter({("work", server): ATTEMPTS})
        assert trade.post(trade.event()).status_code == 202
        wait_until(lambda: goal <= trade.tried)
        assert {trade.post(trade.event()).status_code for _ in range(20)} == {202}
    wait_until(trade.is_whole)
