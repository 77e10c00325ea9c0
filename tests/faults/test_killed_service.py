"""Applications post while the service, its worker and PostgreSQL are killed: nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle
from typing import Any, Literal

import httpx
import pytest

from tests.fix_assets import Bank
from tests.fix_machines import Machines
from tests.fix_retail import wait_until
from tests.fix_servers import HOME, Warehouse
from tests.oracles.assets import Told, star
from tidemark.api import keys
from tidemark.declare.project import Project
from tidemark.model import LAYERS
from tidemark.postgres.sessions import Servers

pytestmark = pytest.mark.timeout(1800)

EVENTS = 20_000 if os.environ.get("TIDEMARK_ALL") else 1_000
CLIENTS = 16
BETWEEN = 1.0
"""Seconds between two kills."""
PAUSE = 0.3
"""Seconds of a client between two calls."""
AT_ONCE = 5
"""Events of a call."""
FIRST = datetime(2023, 10, 15, tzinfo=UTC)
LOADED = "select count(*) from assets.fct_asset_transactions"


def told(number: int, dice: random.Random) -> Told:
    """Make an event of one of a few assets, at a time that may be that of another."""
    at = (FIRST + timedelta(minutes=dice.randrange(EVENTS))).isoformat()
    said: dict[str, Any] = {"s3_key": f"k{dice.randrange(EVENTS // 10)}"}
    if (kind := dice.choice(["asset_uploaded", "asset_purchased"])) == "asset_uploaded":
        said |= {"asset_name": f"a{number % 9}", "asset_type_name": f"t{dice.randrange(5)}"}
        return Told(f"e{number}", kind, {**said, "upload_timestamp": at})
    said |= {"user_nk": f"u{dice.randrange(99)}", "credits_spent": number}
    return Told(f"e{number}", kind, {**said, "transaction_timestamp": at})


class Bombed:
    """A service at one port that is killed, with its worker or a server below it."""

    def __init__(self, warehouse: Warehouse, machines: Machines, dice: random.Random) -> None:
        self._machines, self._dice = machines, dice
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._environment = {**os.environ, **warehouse.environment}
        self._process = self._started()
        self.kills: list[str] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._bomb)

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tidemark", "serve", "--rate", "0"]
        return subprocess.Popen(
            [*command, "--port", str(self.port)],
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )

    def _bomb(self) -> None:
        every: list[Literal["service", "mrr", "stg", "dwh"]] = ["service", *LAYERS]
        self._dice.shuffle(every)
        for what in cycle(every):
            if self._is_over.wait(BETWEEN):
                return
            if what == "service":
                self._kill(signal.SIGKILL)
                self._process = self._started()
            else:
                self._machines.crash(what)
            self.kills.append(what)

    def _kill(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait(60)

    @contextmanager
    def bombing(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join(120)

    def end(self) -> None:
        """End it as an operator does."""
        self._kill(signal.SIGTERM)


def is_accepted(client: httpx.Client, url: str, body: object) -> bool:
    """Post a call, and return whether it was answered that all of it is kept."""
    try:
        answer = client.post(url, json=body)
    except httpx.TransportError:
        return False
    assert answer.status_code in {202, 503}, answer.text
    return answer.status_code == 202


def posted(bombed: Bombed, key: str, calls: Sequence[Sequence[Told]]) -> list[str]:
    """Post calls, each until it is accepted; returns the ids of what was."""
    url, done = f"http://127.0.0.1:{bombed.port}/v1/events", []
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for call in calls:
            body = {
                "events": [
                    {"kind": one.kind, "event_id": one.event_id, "payload": one.said}
                    for one in call
                ]
            }
            wait_until(partial(is_accepted, client, url, body), seconds=300)
            done += [one.event_id for one in call]
            time.sleep(PAUSE)
    return done


def test_each_accepted_event_is_a_fact_once_whatever_is_killed(
    machines: Machines, warehouse: Warehouse
):
    dice = random.Random(17)
    events = [told(number, dice) for number in range(EVENTS)]
    sent = [*events, *dice.sample(events, EVENTS // 10)]
    dice.shuffle(sent)
    calls = [sent[at : at + AT_ONCE] for at in range(0, len(sent), AT_ONCE)]
    area = Project(HOME).area("assets")
    with Servers(warehouse.dsn) as servers:
        with servers.session("mrr", "keys") as mrr:
            key = keys.create(mrr, "clients", ["*"], [area])
        bombed = Bombed(warehouse, machines, dice)
        with bombed.bombing(), ThreadPoolExecutor(CLIENTS) as pool:
            shares = [calls[at::CLIENTS] for at in range(CLIENTS)]
            done = pool.map(lambda share: posted(bombed, key, share), shares)
            accepted = {one for ids in done for one in ids}
        # No sooner: a service that was killed last is starting, and a signal would end it at once.
        wait_until(lambda: warehouse.rows("dwh", LOADED) == [(EVENTS,)], seconds=300)
        bombed.end()
        assert accepted == {one.event_id for one in events}
        assert {*bombed.kills} == {"service", *LAYERS}
        assert Bank(warehouse, servers, area, HOME, count(1)).star() == star(events)
