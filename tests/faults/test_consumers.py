"""Consumers that are killed, and servers that are away: no event is lost, and none comes twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from tests.fix_machines import Machines
from tests.fix_posted import Posting
from tests.fix_queues import Fed, ids, said, sale, warned
from tests.fix_retail import PATIENCE, wait_until
from tests.fix_servers import TEMPLATE, Warehouse, administer, database
from tests.further import ALL
from tidemark.batch.consuming import Consumed
from tidemark.postgres.sessions import Servers

DIES_BEFORE_DELETING = """
    import os, signal
    from tidemark.batch.sqs import Queue
    Queue.delete = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
WAKES_NOBODY = """
    from tidemark.batch.consuming import Consumer
    Consumer._tell = lambda *_, **__: None
"""
"""So the first warning is about what it has in hand."""
OUTAGES = [(21, signal.SIGQUIT), (41, signal.SIGINT)][: 2 if ALL else 1]
"""The first event that is sent while PostgreSQL is away, and how it went."""
WAITING = "select pid from pg_locks where not granted"
"""A queue says that a message was given out before the consumer has it in hand; this says more."""
QUICK = ("--wait", "1", "--visibility", "2")


def test_who_dies_between_commit_and_delete_has_stored_what_comes_again(fed: Fed):
    fed.send(*(sale(event_id) for event_id in ids(1, 15)), "{")
    killed = fed.started(*QUICK, before=DIES_BEFORE_DELETING)
    assert said(killed)[0] == -signal.SIGKILL
    assert (fed.inbox(), fed.left()[1]) == (ids(1, 15), 16)
    wait_until(lambda: fed.left() == (16, 0))
    code, told, _ = said(fed.started(*QUICK, "--until-empty"))
    assert (code, told) == (0, asdict(Consumed(fed.name, 16, 16, 0, 16, 0)))
    assert (fed.inbox(), len(fed.refused()), fed.left()) == (ids(1, 15), 1, (0, 0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_wait_for_messages(fed: Fed, number: signal.Signals):
    fed.send(sale("a"))
    running = fed.started("--wait", "20")
    wait_until(lambda: fed.inbox() == ["a"] and fed.left() == (0, 0))
    running.send_signal(number)
    code, told, err = said(running, 15)
    assert (code, told["stored"], err) == (0, 1, "")


def test_a_signal_lets_what_is_in_hand_be_finished(fed: Fed):
    fed.send(*(sale(event_id) for event_id in ids(1, 40)))
    with closing(fed.made.warehouse.connect("mrr")) as holder, holder.cursor() as cursor:
        holder.autocommit = False
        cursor.execute("lock table tidemark.inbox in share mode")
        running = fed.started("--batch-size", "10")
        wait_until(lambda: fed.made.rows("mrr", WAITING) != [])
        assert fed.left() == (30, 10)
        running.send_signal(signal.SIGTERM)
        with pytest.raises(Exception, match="timed out"):
            running.wait(1)
        holder.rollback()
        code, told, _ = said(running)
    assert (code, told["stored"], told["deleted"], fed.left()) == (0, 10, 10, (30, 0))


def test_messages_in_hand_are_hidden_for_as_long_as_it_takes(fed: Fed):
    fed.send(sale("a"))
    with closing(fed.made.warehouse.connect("mrr")) as holder, holder.cursor() as cursor:
        holder.autocommit = False
        cursor.execute("lock table tidemark.inbox in share mode")
        running = fed.started(*QUICK, "--once")
        wait_until(lambda: fed.left() == (0, 1))
        seen = [fed.client.receive_message(QueueUrl=fed.url, WaitTimeSeconds=1) for _ in range(5)]
        assert [one["Messages"] for one in seen if "Messages" in one] == []
        holder.rollback()
        assert said(running)[1]["deleted"] == 1


def test_two_consumers_share_a_queue(fed: Fed):
    bodies = [sale(event_id) for event_id in ids(1, 80)]
    fed.send(*bodies[:40], *bodies)
    both = [fed.started("--wait", "1", "--batch-size", "10", "--until-empty") for _ in range(2)]
    told = [said(one) for one in both]
    assert [(code, err) for code, _, err in told] == [(0, "")] * 2
    sums = {name: sum(one[name] for _, one, _ in told) for name in ("stored", "repeated")}
    # A queue may hand a message out once more than it was sent.
    assert (sums["stored"], sums["repeated"] >= 40) == (80, True)
    assert (fed.inbox(), fed.left()) == (ids(1, 80), (0, 0))


@pytest.fixture
def on_machines(fed: Fed, machines: Machines) -> Iterator[Fed]:
    """The same queue, before an MRR that may be stopped."""
    administer(machines.urls["mrr"], f"create database consumed template {TEMPLATE}")
    dsns = {**fed.made.warehouse.dsn, "mrr": database(machines.urls["mrr"], "consumed")}
    warehouse = Warehouse(dsns)
    with Servers(dsns) as servers:
        made = Posting(warehouse, servers, fed.made.area, fed.made.home, count(1))
        yield replace(fed, made=made)
    warehouse.close()
    administer(machines.urls["mrr"], "drop database consumed with (force)")


def test_nothing_is_lost_while_postgresql_is_away(on_machines: Fed, machines: Machines):
    fed = on_machines
    running = fed.started(*QUICK, "--batch-size", "10")
    fed.send(*(sale(event_id) for event_id in ids(1, 20)))
    wait_until(lambda: len(fed.inbox()) == 20)
    for first, how in OUTAGES:
        fed.made.warehouse.close()
        machines.stop("mrr", how)
        fed.send(*(sale(event_id) for event_id in ids(first, first + 19)))
        wait_until(lambda: fed.left()[1] > 0)
        threading.Event().wait(4)  # Longer than messages are hidden.
        assert sum(fed.left()) == 20
        machines.start("mrr")
        wait_until(lambda: fed.left() == (0, 0))
    running.send_signal(signal.SIGTERM)
    code, told, _ = said(running)
    events = ids(1, 20 * (1 + len(OUTAGES)))
    assert (code, told["stored"] + told["repeated"], told["refused"]) == (0, len(events), 0)
    assert (fed.inbox(), fed.refused()) == (events, [])


def test_a_signal_gives_back_what_postgresql_does_not_take(on_machines: Fed, machines: Machines):
    fed = on_machines
    running = fed.started("--wait", "1", before=WAKES_NOBODY)
    fed.send(sale("a"))
    wait_until(lambda: fed.inbox() == ["a"] and fed.left() == (0, 0))
    fed.made.warehouse.close()
    machines.stop("mrr")
    fed.send(sale("b"))
    assert warned(running)
    running.send_signal(signal.SIGTERM)
    code, told, err = said(running)
    machines.start("mrr")
    assert (code, told["deleted"], fed.left()) == (0, 1, (1, 0))
    assert {line.split()[1] for line in err.splitlines()} == {"WARNING"}
    assert "mrr: " in err


class _Moody(BaseHTTPRequestHandler):
    """Answers as a queue that is overloaded, and once forbids."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1  # type: ignore[attr-defined]
        status, code = next(self.server.answers)  # type: ignore[attr-defined]
        body = f'{{"__type": "com.amazonaws.sqs#{code}", "message": "not-to-be-shown"}}'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_queue_that_is_overloaded_is_asked_again(fed: Fed, monkeypatch: pytest.MonkeyPatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Moody)
    answers = [(503, "ServiceUnavailable"), (400, "RequestThrottled"), (500, "InternalError")]
    server.asked, server.answers = 0, iter([*answers * 3, *[(403, "AccessDenied")] * 9])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(Exception, match=r"can't be found: AccessDenied\. Let the keys") as told:
        fed.consume()
    assert "not-to-be-shown" not in str(told.value)
    assert server.asked >= 10  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)
