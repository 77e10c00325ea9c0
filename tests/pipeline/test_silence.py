"""A server that falls silent ends a wait; one that is only slow is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests import streaming
from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.fix_servers import Warehouse
from tests.fix_silence import BACK, THERE, Proxy
from tests.pipeline.test_retries import APPLYING, LANDING, attempts
from tidemark.batch import pipeline
from tidemark.errors import ConnectError
from tidemark.model import HOPS, Column, Hop, ServerName
from tidemark.postgres import (
    connections,
    db,
    heartbeat,
    retries,
    sessions,
    transfer,
)
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Job, Landing

pytestmark = pytest.mark.usefixtures("impatient")

Proxied = Callable[[ServerName], Proxy]

NUMBERS = Landing(("landing", "numbers"), (Column("number", "integer"), Column("word", "text")))
ENDLESS = "select generate_series(1, 2000000000), repeat('x', 1000)"


@pytest.fixture
def proxied(retail: Retail, proxies: list[Proxy]) -> Proxied:
    """Put a proxy before a layer of the shop."""

    def put(layer: ServerName) -> Proxy:
        proxies.append(Proxy(retail.warehouse.dsn[layer]))
        retail.servers.dsns[layer] = proxies[-1].dsn
        return proxies[-1]

    return put


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("hop", "layer", "lock", "direction"),
    [
        ("extract", "operational", "lock table sales", BACK),
        ("extract", "mrr", LANDING, THERE),
        ("extract", "mrr", APPLYING, BACK),
        ("stage", "mrr", "lock table mrr_fact_sales", THERE),
        ("stage", "stg", APPLYING, BACK),
        ("publish", "dwh", LANDING, BACK),
        ("publish", "dwh", APPLYING, THERE),
    ],
)
def test_a_hop_whose_connection_falls_silent_is_done_again(
    retail: Retail, proxied: Proxied, hop: Hop, layer: ServerName, lock: str, direction: str
):
    retail.run()
    retail.change("sales", 1, quantity=7)
    proxy = proxied(layer)
    batch_id = retail.begin()
    for earlier in HOPS[: HOPS.index(hop)]:
        retail.hop(earlier, batch_id)
    with retail.holding(layer, lock):
        running = retail.beside(pipeline.run_hop, hop, batch_id)
        retail.wait_for_lock(layer)
        proxy.stall(direction)
    running.result(PATIENCE)
    [error, *_] = attempts(retail, batch_id)[hop]
    assert error.startswith(f"{layer}: the connection fell silent: no answer for ")


@pytest.fixture
def watched(proxies: list[Proxy], warehouse: Warehouse) -> Iterator[Servers]:
    """Servers with a proxy before each, whose connections are watched."""
    layers: tuple[ServerName, ...] = ("mrr", "stg")
    proxies += [Proxy(warehouse.dsn[layer]) for layer in layers]
    with Servers({"mrr": proxies[0].dsn, "stg": proxies[1].dsn}) as servers:
        yield servers


@pytest.fixture
def sender(watched: Servers) -> Iterator[Session]:
    with closing(
        sessions.connect(watched.dsns["mrr"], "mrr", purpose="send", as_etl=False)
    ) as session:
        yield session


@pytest.fixture
def receiver(watched: Servers) -> Iterator[Session]:
    with closing(
        sessions.connect(watched.dsns["stg"], "stg", purpose="land", as_etl=False)
    ) as session:
        session.run(NUMBERS.emptied)
        yield session


def stream(sender: Session, receiver: Session, query: str) -> int:
    return streaming.stream(sender, receiver, Job(NUMBERS, db.raw(query), True))


SILENT = (
    r"^{}: the connection fell silent: no answer for \d+ s, and the server waits for this side\."
)


@pytest.mark.parametrize(
    ("number", "layer", "direction"),
    [(0, "mrr", BACK), (1, "stg", THERE)],
    ids=["sender", "receiver"],
)
def test_a_stream_that_falls_silent_ends_on_both_sides(
    warehouse: Warehouse,
    sender: Session,
    receiver: Session,
    proxies: list[Proxy],
    number: int,
    layer: ServerName,
    direction: str,
):
    proxies[number].room[direction] = 20 << 20
    with pytest.raises(ConnectError, match=SILENT.format(layer)) as raised:
        stream(sender, receiver, ENDLESS)
    assert raised.value.is_transient
    sessions = (
        "select count(*) from pg_stat_activity where application_name ~ '^tidemark (send|land)'"
    )
    assert warehouse.rows(layer, sessions) == [(0,)]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("place", ["login", "first statements"])
def test_a_login_that_falls_silent_ends(proxies: list[Proxy], watched: Servers, place: str):
    if place == "login":
        proxies[0].stall(BACK, new=True)
    proxies[0].stalls_logins = True
    with pytest.raises(ConnectError, match=r"^mrr: ") as raised:
        sessions.connect(watched.dsns["mrr"], "mrr", purpose="test")
    said = "timeout expired" if place == "login" else "the connection fell silent"
    assert said in str(raised.value)


def test_a_server_that_answers_nobody_is_given_up(
    sender: Session, proxies: list[Proxy], monkeypatch: pytest.MonkeyPatch
):
    """Nor is it tried for ever: what its silence may last is counted over all attempts."""
    monkeypatch.setattr(heartbeat, "ANSWER", 0.5)
    monkeypatch.setattr(connections, "PATIENCE", 3)
    proxies[0].stall(BACK, new=True)
    with pytest.raises(ConnectError, match="nor to a second connection") as raised:
        sender.run("select 1")
    assert raised.value.is_transient
    with pytest.raises(ConnectError, match="timeout expired") as raised:
        retries.until_done(sender.reopen)
    assert not raised.value.is_transient


def test_a_server_that_answers_now_and_then_is_found_out(sender: Session, proxies: list[Proxy]):
    """Each connection carries the login and one answer, and the heartbeat's are no exception."""
    proxies[0].room[BACK] = 900
    with pytest.raises(ConnectError, match="the server waits for this side"):
        sender.run("select 1")


def test_a_server_that_takes_nobody_new_is_given_up_when_nothing_moves(
    sender: Session, proxies: list[Proxy], monkeypatch: pytest.MonkeyPatch
):
    """A proxy may take no more connections, and carry those that it has, for a while."""
    monkeypatch.setattr(connections, "PATIENCE", 3)
    proxies[0].refuse()
    assert sender.value("select 1 from pg_sleep(2)") == 1
    proxies[0].stall(BACK)
    with pytest.raises(ConnectError, match="nor to a second connection"):
        sender.run("select 1")


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    "query",
    [
        "select n, pg_sleep(2)::text from generate_series(1, 1) as n",
        "select n, repeat('x', 1000) from generate_series(1, 20000) as n",
        "select n, repeat('x', 1000) from generate_series(1, 1500) as n",
    ],
    ids=["slow sender", "slow receiver", "slow receiver of little"],
)
def test_a_slow_end_of_a_stream_is_waited_for(
    warehouse: Warehouse, sender: Session, receiver: Session, query: str
):
    slow = "check (number > 1 or pg_sleep(2) is not null)"
    warehouse.execute("stg", f"alter table landing.numbers add constraint slow {slow}")
    assert stream(sender, receiver, query) >= 1


def test_a_long_statement_is_waited_for(sender: Session):
    assert sender.value("select 1 from pg_sleep(2)") == 1


def test_a_wait_for_a_table_that_somebody_reads_says_whom_it_waits_for(
    retail: Retail, caplog: pytest.LogCaptureFixture
):
    with (
        Servers(retail.warehouse.dsn) as servers,
        servers.session("dwh", "test") as session,
        ThreadPoolExecutor(1) as pool,
        retail.holding("dwh", "select count(*) from vw_sales"),
    ):
        running = pool.submit(session.run, "alter view vw_sales rename to vw_sold")
        wait_until(lambda: "waits for" in caplog.text)
    running.result(PATIENCE)
    assert "dwh: waits for pid " in caplog.text


def test_a_transaction_that_is_idle_says_something(
    watched: Servers, sender: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(heartbeat, "PING", 0.3)
    sender.run("set idle_in_transaction_session_timeout = '2s'")
    with sender.transaction(transfer.READ_ONLY):
        time.sleep(3)
        sender.run("set transaction isolation level repeatable read")
        assert sender.value("select 1") == 1


def test_a_transaction_of_a_process_that_stands_still_is_ended(warehouse: Warehouse):
    """Its locks are those that the next run needs."""
    limit = (
        "select setting::int from pg_settings where name = 'idle_in_transaction_session_timeout'"
    )
    with sessions.Servers(warehouse.dsn) as servers, servers.session("dwh", "test") as session:
        assert 2 * heartbeat.PING * 1000 < session.value(limit) <= 90_000


def test_a_request_to_cancel_is_not_waited_for(
    sender: Session, proxies: list[Proxy], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "CANCEL", 0.1)
    proxies[0].stall(BACK, new=True)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sender.run, "select pg_sleep(60)")
        wait_until(lambda: connections.is_busy(sender.connection))
        start = time.monotonic()
        db.cancel([sender])
        assert (time.monotonic() - start < PATIENCE / 2, running.done()) == (True, False)
        connections.give_up(sender.connection, "test")
