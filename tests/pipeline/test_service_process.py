"""`tidemark serve` as a process, and PostgreSQL that goes away and comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests import installed
from tests.commands import succeed, tidemark
from tests.fix_retail import wait_until
from tests.fix_servers import administer
from tests.fix_service import SALE, Serving
from tidemark.api import app, bodies, serving
from tidemark.model import ServerName

HEADERS = {"Content-Type": "application/json"}
UNAVAILABLE = 'tidemark_api_events_total{area="made",kind="sale_made",outcome="unavailable"}'
ENDED = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity
    where application_name ~ '^tidemark service' and datname = current_database()
"""


@contextmanager
def process(made: Serving, *words: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Run `tidemark serve` on the databases of a service; yields it, and a client of it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TIDEMARK_")}
    command = [sys.executable, "-m", "tidemark", "serve", "--port", "0", *words]
    with subprocess.Popen(
        command, env=env | made.posting.environment, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stderr is not None
            url = started.stderr.readline().split(";")[0].rpartition(" ")[2]
            named = {"Authorization": made.client.headers["authorization"]}
            with httpx.Client(base_url=url, headers=named, timeout=60) as client:
                yield started, client
        finally:
            started.kill()


def test_a_signal_ends_the_service_behind_the_requests_in_flight(served_area: Serving):
    with process(served_area, "--no-worker") as (started, client):
        is_begun, is_signalled = threading.Event(), threading.Event()

        def slowly() -> Iterator[bytes]:
            yield b'{"item": "ball", "price": 1, '
            is_begun.set()
            is_signalled.wait(30)
            time.sleep(1)
            yield b'"sold_at": "2026-02-28T14:45:00Z"}'

        def post() -> None:
            answers.append(client.post("/v1/made/sales", content=slowly(), headers=HEADERS))

        answers: list[httpx.Response] = []
        thread = threading.Thread(target=post)
        thread.start()
        assert is_begun.wait(30)
        # Whoever asks later is answered later: then the server has the begin of the other request.
        assert client.get("/health").status_code == 200
        started.send_signal(signal.SIGTERM)
        is_signalled.set()
        thread.join(60)
        assert [one.status_code for one in answers] == [202]
        assert started.wait(60) == 0
    assert len(served_area.inbox) == 1


def test_a_request_that_does_not_end_is_given_up_after_the_grace(
    served_area: Serving, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(serving, "GRACE", 1)
    made = serving.server(app.build(served_area.service), "127.0.0.1", 0)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    wait_until(lambda: made.started)
    ((host, port),) = [one.getsockname() for each in made.servers for one in each.sockets]
    with socket.create_connection((host, port)) as slow:
        key = served_area.client.headers["authorization"]
        told = ("POST /v1/made/sales HTTP/1.1", "Host: x", f"Authorization: {key}")
        more = ("Content-Type: application/json", "Content-Length: 100", "", "{")
        slow.sendall("\r\n".join((*told, *more)).encode())
        wait_until(lambda: len(made.server_state.tasks) == 1)
        made.should_exit = True
        thread.join(bodies.PATIENCE / 2)
        assert not thread.is_alive()
    assert served_area.inbox == []


def test_who_is_told_the_address_may_call_it_and_a_signal_counts_from_then_on(
    served_area: Serving,
):
    connected: list[socket.socket] = []

    def end_at_once(url: str) -> None:
        at = urlsplit(url)
        connected.append(socket.create_connection((str(at.hostname), at.port or 0)))
        signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    serving.run(app.build(served_area.service), "127.0.0.1", 0, told=end_at_once)
    assert (len(connected), signal.getsignal(signal.SIGTERM)) == (1, before)
    connected[0].close()


def test_what_goes_wrong_is_told_on_stderr(served_area: Serving):
    with process(served_area) as (started, client):
        served_area.posting.warehouse.execute("dwh", "drop function fn_item(text, timestamptz)")
        served_area.posting.warehouse.execute("stg", "drop table stg_sales cascade")
        assert client.get("/v1/made/ball").status_code == 503
        served_area.post("a")
        assert started.stderr is not None
        said = [started.stderr.readline() for _ in range(2)]
    assert "WARNING tidemark.api.describing: dwh: function" in said[0]
    assert "ERROR   tidemark.batch.telling area=made batch_id=1 hop=" in said[1]


def test_a_worker_inside_of_the_service_loads_what_comes(served_area: Serving):
    with process(served_area) as (started, client):
        answer = client.post("/v1/made/sales", json=dict(SALE), headers={"Idempotency-Key": "a"})
        assert answer.status_code == 202
        wait_until(lambda: client.get("/v1/events/a").json()["status"] == "loaded")
        client.post("/v1/made/sales", json=dict(SALE), headers={"Idempotency-Key": "b"})
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
    loaded = "select event_id, item from stg_sales order by event_id"
    assert served_area.posting.rows("stg", loaded) == [("a", "ball"), ("b", "ball")]


def test_while_postgresql_is_away_nothing_is_acknowledged_and_then_all_is_again(
    served_area: Serving, platforms: dict[ServerName, str]
):
    away: list[httpx.Response] = []
    assert [served_area.post(one).status_code for one in "ab"] == [202, 202]
    with shut(served_area, platforms["mrr"]):
        client = served_area.client
        away += [served_area.post("c"), client.get("/ready"), client.get("/v1/events/a")]
        away += [client.post("/v1/events", json={"events": []})]
        assert client.get("/health").status_code == 200
    assert {(one.status_code, one.headers["retry-after"]) for one in away} == {(503, "5")}
    assert "password" not in away[0].text
    assert [event_id for event_id, _ in served_area.inbox] == ["a", "b"]
    wait_until(lambda: served_area.post("c").status_code == 202)
    assert [served_area.post(one).json()["status"] for one in "abc"] == ["repeated"] * 3
    assert served_area.metric(UNAVAILABLE) >= 1


def test_sessions_that_the_server_has_ended_are_replaced_without_a_word(served_area: Serving):
    with ThreadPoolExecutor(16) as clients:
        list(clients.map(served_area.post, map(str, range(100))))
        served_area.posting.rows("mrr", ENDED)
        answers = list(clients.map(served_area.post, map(str, range(100))))
    assert {one.status_code for one in answers} == {202}


@contextmanager
def shut(made: Serving, server: str) -> Iterator[None]:
    """Let MRR take no connection, and end those that it has."""
    database = urlsplit(made.posting.servers.dsns["mrr"]).path[1:]
    made.posting.warehouse.close()
    administer(server, f"alter database {database} allow_connections false")
    try:
        administer(
            server,
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
            f"where datname = '{database}'",
        )
        yield
    finally:
        administer(server, f"alter database {database} allow_connections true")


def test_what_serves_names_its_extra(tmp_path: Path, served_area: Serving):
    installed.link(tmp_path, installed.needed())
    env = served_area.posting.environment
    done = installed.python(tmp_path, "-m", "tidemark", "serve", env=env)
    assert (done.code, done.out) == (3, "")
    assert "fastapi is not installed. Run `pip install 'tidemark[service]'`.\n" in done.err


def test_who_serves_needs_the_layers_and_starts_no_database_of_another_area(served_area: Serving):
    served_area.posting.declare_shop()
    environment = served_area.posting.environment
    assert succeed("keys", "list", "--json", env=environment).json
    with process(served_area) as (_, client):
        assert client.get("/ready").status_code == 200
    assert not (served_area.posting.home / ".tidemark").exists()


def test_an_address_that_is_taken_is_told(served_area: Serving):
    port = served_area.url.rpartition(":")[2]
    done = tidemark("serve", "--port", port, env=served_area.posting.environment)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: 127.0.0.1:{port} can't be listened at: ")
