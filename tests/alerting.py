"""Problems of each event of alerts: what makes them begin, and what a person mends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.commands import tidemark
from tests.fix_alerts import THINGS
from tests.fix_areas import Made
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.errors import ConnectError, TidemarkError
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


def forget_name(shop: Made) -> None:
    change(shop, "v = null")
    attempt(shop)


def name_again(shop: Made) -> None:
    change(shop, "v = 'b'")


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


def empty_source(shop: Made) -> None:
    shop.delete(THINGS, "true", [])
    attempt(shop)


def hold_back(shop: Made) -> None:
    tolerant = shop.area.alerts.model_copy(update={"held_back_after": timedelta(0)})
    shop.area = shop.area.model_copy(update={"alerts": tolerant})
    with closing(shop.warehouse.connect("operational")) as writer:
        execute(writer, "begin; insert into things values (2, 'open', now())")
        attempt(shop)


def damage(shop: Made) -> None:
    shop.warehouse.execute("dwh", "update dim_things set v = 'damaged' where id = 1")
    tidemark("verify", env=environment(shop))


def environment(shop: Made) -> dict[str, str]:
    assert shop.servers.channels
    urls = " ".join(shop.servers.channels.urls)
    return {**shop.environment, "TIDEMARK_ALERT_URLS": urls}


def go_away(shop: Made) -> None:
    away = Servers({**shop.servers.dsns, "stg": NOWHERE}, channels=shop.servers.channels)
    with away, pytest.raises(ConnectError):
        pipeline.run(away, shop.area)


def wait(_: Made) -> None:
    """Nothing is to be mended: it was, or Tidemark does."""


@dataclass(frozen=True)
class Case:
    """How a problem begins and ends, and what its messages are called."""

    begin: Callable[[Made], None]
    mend: Callable[[Made], None]
    command: str
    """What is typed then."""
    title: str
    severity: str = "fail"


CASES = {
    "batch_failed": Case(close_stg, open_stg, "run", "made batch failed"),
    "check": Case(forget_name, name_again, "run", "made check named"),
    "data_late": Case(become_late, wait, "run", "made data late"),
    "delete_guard": Case(empty_source, wait, "run --accept-deletes", "made delete guard"),
    "differences": Case(damage, wait, "verify --repair", "made differences"),
    "held_back": Case(hold_back, wait, "run", "made held back", "warn"),
    "rejects": Case(send_bad, send_good, "run", "made rejects things", "warn"),
    "server_away": Case(go_away, wait, "run", "server away stg"),
}
"""Event -> what makes it begin, and what ends it."""
