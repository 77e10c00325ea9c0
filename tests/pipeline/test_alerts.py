"""Alerts: one message when a problem begins, one when it ends, and no harm to a batch."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.commands import process, tidemark
from tests.fix_alerts import EVENTS, THINGS, Receiver, Tell, receiving
from tests.fix_areas import Made
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.errors import ConnectError, TidemarkError
from tidemark.model import Overrides
from tidemark.observe import monitor
from tidemark.postgres.sessions import Servers

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def attempt(shop: Made) -> None:
    with suppress(TidemarkError):
        shop.run()


def change(shop: Made, to: str) -> None:
    shop.change(THINGS, f"{to}, updated_at = clock_timestamp()", where="id = 1")


def close_stg(shop: Made) -> None:
    opened = "alter table stg_things drop constraint if exists closed"
    shop.warehouse.execute("stg", f"{opened}, add constraint closed check (v <> 'shut')")
    change(shop, "v = 'shut'")
    attempt(shop)


def open_stg(shop: Made) -> None:
    shop.warehouse.execute("stg", "alter table stg_things drop constraint if exists closed")
    attempt(shop)


def forget_name(shop: Made) -> None:
    change(shop, "v = null")
    attempt(shop)


def name_again(shop: Made) -> None:
    change(shop, "v = 'b'")
    attempt(shop)


def become_late(shop: Made) -> None:
    long_ago = "update etl_batches set started_at = '2025-01-01Z', ended_at = '2025-01-01Z'"
    shop.warehouse.execute("dwh", long_ago)
    monitor.tell(shop.servers, [shop.area])


def send_bad(shop: Made) -> None:
    many = """
        insert into things select n, 'bad', clock_timestamp() from generate_series(100, 299) as n
        on conflict (id) do update set updated_at = excluded.updated_at
    """
    shop.warehouse.execute("operational", many)
    attempt(shop)


def send_good(shop: Made) -> None:
    shop.change(THINGS, "v = 'good', updated_at = clock_timestamp()", where="v = 'bad'")
    attempt(shop)


def empty_source(shop: Made) -> None:
    shop.delete(THINGS, "true", [])
    attempt(shop)


def accept(shop: Made) -> None:
    pipeline.run(shop.servers, shop.area, overrides=Overrides(accept_deletes=True))


def hold_back(shop: Made) -> None:
    tolerant = shop.area.alerts.model_copy(update={"held_back_after": timedelta(0)})
    shop.area = shop.area.model_copy(update={"alerts": tolerant})
    with closing(shop.warehouse.connect("operational")) as writer:
        execute(writer, "begin; insert into things values (2, 'open', now())")
        attempt(shop)


def compare(shop: Made) -> None:
    tidemark("verify", env=environment(shop))


def damage(shop: Made) -> None:
    shop.warehouse.execute("dwh", "update dim_things set v = 'damaged' where id = 1")
    compare(shop)


def mend(shop: Made) -> None:
    tidemark("verify", "--repair", env=environment(shop))


def environment(shop: Made) -> dict[str, str]:
    assert shop.servers.channels
    urls = " ".join(shop.servers.channels.urls)
    return {**shop.environment, "TIDEMARK_ALERT_URLS": urls}


def go_away(shop: Made) -> None:
    away = Servers({**shop.servers.dsns, "stg": NOWHERE}, channels=shop.servers.channels)
    with away, pytest.raises(ConnectError):
        pipeline.run(away, shop.area)


CASES: dict[str, tuple[Callable[[Made], None], Callable[[Made], None], str]] = {
    "batch_failed": (close_stg, open_stg, "made batch failed"),
    "check": (forget_name, name_again, "made check named"),
    "data_late": (become_late, attempt, "made data late"),
    "rejects": (send_bad, send_good, "made rejects things"),
    "delete_guard": (empty_source, accept, "made delete guard"),
    "held_back": (hold_back, attempt, "made held back"),
    "differences": (damage, mend, "made differences"),
    "server_away": (go_away, attempt, "server away stg"),
}
"""Event -> what makes it begin, what ends it, and how a message is called."""


@pytest.mark.parametrize("event", CASES)
def test_an_event_is_told_once_when_it_begins_and_once_when_it_ends(
    telling: Tell, receiver: Receiver, event: str
):
    begin, end, title = CASES[event]
    shop = telling(receiver.url)
    severity = "warn" if event in ("held_back", "rejects") else "fail"
    for _ in range(2):
        begin(shop)
    receiver.wait_for(f"{title}: {severity}")
    for _ in range(2):
        end(shop)
    receiver.wait_for(f"{title}: {severity}", f"{title}: over")
    monitor.tell(shop.servers, [shop.area])
    assert nothing_waits(shop)
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
    receiver.wait_for("made batch failed: fail", "made batch failed: over")
