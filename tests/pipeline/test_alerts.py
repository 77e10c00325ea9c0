"""Alerts: one message when a problem begins, one when it ends, and no harm to a batch."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.alerting import (
    CASES,
    NOWHERE,
    attempt,
    change,
    close_stg,
    environment,
    forget_name,
    name_again,
    open_stg,
)
from tests.commands import process, succeed, tidemark
from tests.fix_alerts import EVENTS, Receiver, Tell, receiving, sent
from tests.fix_areas import Made
from tests.fix_retail import PATIENCE, wait_until
from tidemark.batch import notify, pipeline
from tidemark.errors import ConnectError
from tidemark.observe import monitor
from tidemark.postgres.sessions import Servers


# tests/docs/test_on_call.py begins and ends each of them.
@pytest.mark.further(but=["batch_failed"])
@pytest.mark.parametrize("event", CASES)
def test_an_event_is_told_once_when_it_begins_and_once_when_it_ends(
    telling: Tell, receiver: Receiver, event: str
):
    case = CASES[event]
    shop = telling(receiver.url)
    for _ in range(2):
        case.begin(shop)
    receiver.wait_for(f"{case.title}: {case.severity}")
    case.mend(shop)
    for _ in range(2):
        succeed(*case.command.split(), env=environment(shop))
    receiver.wait_for(f"{case.title}: {case.severity}", f"{case.title}: over")
    monitor.tell(shop.servers, [shop.area])
    wait_until(lambda: nothing_waits(shop))
    sent()
    assert [one["type"] for one in receiver.messages] == ["failure", "success"]


def nothing_waits(shop: Made) -> bool:
    """Whether each message was told to its channel, and no alert stands."""
    waiting = "select 1 from tidemark.alert_message where told_at is null"
    standing = "select 1 from tidemark.alert where ended_at is null"
    return not shop.warehouse.rows("dwh", f"{waiting} union all {standing}")


def test_a_message_says_what_since_when_and_where_to_look(telling: Tell, receiver: Receiver):
    shop = telling(receiver.url)
    forget_name(shop)
    receiver.wait_for("made check named: fail")
    what, since, look = receiver.messages[0]["message"].splitlines()
    assert what == "things: 1 row without v; at most 0"
    assert since.startswith("Since 20")
    assert look == "To look: tidemark check made"


def test_the_dwh_that_is_away_is_told_and_that_it_is_back(telling: Tell, receiver: Receiver):
    shop = telling(receiver.url)
    away = Servers({**shop.servers.dsns, "dwh": NOWHERE}, channels=shop.servers.channels)
    for _ in range(2):
        with away, pytest.raises(ConnectError):
            pipeline.run(away, shop.area)
        with away, pytest.raises(ConnectError):
            monitor.tell(away, [shop.area])
    receiver.wait_for("server away dwh: fail")
    shop.run()
    receiver.wait_for("server away dwh: fail", "server away dwh: over")
    wait_until(lambda: not (shop.home / ".tidemark" / "alerts.json").exists())


@pytest.mark.parametrize("event", ["batch_failed", "server_away"])
def test_what_ends_while_its_beginning_is_told_is_told_as_well(
    telling: Tell, receiver: Receiver, event: str
):
    receiver.answers.clear()
    shop = telling(receiver.url)
    if event == "server_away":
        away = Servers({**shop.servers.dsns, "dwh": NOWHERE}, channels=shop.servers.channels)
        with away, pytest.raises(ConnectError):
            pipeline.run(away, shop.area)
    else:
        close_stg(shop)
    wait_until(lambda: len(receiver.messages) == 1)
    open_stg(shop)
    shop.run()
    assert notify._sending[-1].wait(PATIENCE) == 0
    assert len(receiver.messages) == 1
    receiver.answers.set()
    wait_until(lambda: len(receiver.messages) == 2)
    assert [one["type"] for one in receiver.messages] == ["failure", "success"]


def test_channels_that_hang_or_refuse_hold_up_no_batch_and_no_other_channel(
    telling: Tell, receiver: Receiver, hanging: str
):
    with receiving() as refusing:
        refusing.status = 500
        shop = telling(hanging, refusing.url, receiver.url)
        change(shop, "v = null")
        started = time.monotonic()
        attempt(shop)
        took = time.monotonic() - started
        receiver.wait_for("made check named: fail")
        wait_until(lambda: len(waiting(shop)) == 2)
        told = [one for one in doctor(shop) if one["what"].startswith("alerts: ")]
        assert len(told) == 2
        assert "secret" not in str(told)
        refusing.status = 200
        shop.warehouse.execute("dwh", "update tidemark.alert_message set due_at = now()")
        attempt(shop)
        refusing.wait_for("made check named: fail")
    assert receiver.titles == ["made check named: fail"]
    assert took < 5, "the channels hang for longer"


def waiting(shop: Made) -> list[Any]:
    return shop.warehouse.rows(
        "dwh", "select last_error from tidemark.alert_message where last_error is not null"
    )


def doctor(shop: Made) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tidemark("doctor", "--json", env=environment(shop)).json
    return found


def test_two_processes_that_find_the_same_tell_it_once(telling: Tell, receiver: Receiver):
    shop = telling(receiver.url)
    long_ago = "update etl_batches set started_at = '2025-01-01Z', ended_at = '2025-01-01Z'"
    shop.warehouse.execute("dwh", long_ago)
    words = [sys.executable, "-m", "tidemark", "monitor"]
    both = [subprocess.Popen(words, cwd=shop.home, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(PATIENCE) for one in both] == [10, 10]
    receiver.wait_for("made data late: fail")
    wait_until(lambda: shop.warehouse.rows("dwh", TOLD) == [("begin", 1)])
    assert receiver.titles == ["made data late: fail"]


TOLD = "select phase, tries from tidemark.alert_message where told_at is not null"


def test_mail_arrives(telling: Tell):
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Message

    class Postbox(Message):
        def handle_message(self, message: Any) -> None:
            arrived.append(message)

    arrived: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    post = Controller(Postbox(), hostname="127.0.0.1", port=port)
    post.start()
    try:
        where = "from=tidemark@example.com&to=oncall@example.com&mode=insecure"
        shop = telling(f"mailto://127.0.0.1:{port}?{where}")
        close_stg(shop)
        wait_until(lambda: bool(arrived))
    finally:
        post.stop()
    assert arrived[0]["subject"] == "Tidemark: made batch failed: fail"
    assert arrived[0]["to"] == "oncall@example.com"


@pytest.mark.parametrize(
    ("said", "kind"),
    [("nonsense://u:secret@x", "nonsense"), ("slack://secret", "slack"), ("secret", "nothing")],
)
def test_a_url_that_is_none_is_refused_before_anything_moves(telling: Tell, said: str, kind: str):
    shop = telling()
    env = {**shop.environment, "TIDEMARK_ALERT_URLS": f"json://localhost:9/ {said}"}
    done = process("run", env=env)
    assert (done.code, done.out) == (3, "")
    assert f"TIDEMARK_ALERT_URLS: its URL 2, of kind '{kind}'" in done.err
    assert "secret" not in done.err
    assert shop.warehouse.rows("dwh", "select count(*) from etl_batches") == [(1,)]


def test_channels_are_tried_on_demand(telling: Tell, receiver: Receiver, hanging: str):
    shop = telling(receiver.url, hanging)
    done = tidemark("alert", "--test", env=environment(shop))
    assert done.code == 10
    assert f"json://someone:****@127.0.0.1:{receiver.port}/: took it" in done.out
    assert "did not take it" in done.out
    receiver.wait_for("test")


def test_what_an_area_does_not_want_told_is_not(telling: Tell, receiver: Receiver):
    shop = telling(receiver.url)
    few = shop.area.alerts.model_copy(update={"events": ("batch_failed",)})
    shop.area = shop.area.model_copy(update={"alerts": few})
    shop.put(EVENTS, (2, 1, "2025-01-03"))
    forget_name(shop)
    receiver.wait_for("made batch failed: fail")
    name_again(shop)
    attempt(shop)
    receiver.wait_for("made batch failed: fail", "made batch failed: over")
