"""The console's first page: what the cards say, and what is asked for them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import counting
from tests.alerting import forget_name
from tests.fix_alerts import THINGS, Tell
from tests.fix_areas import Made
from tests.fix_console import PEOPLE, Served, serving_console, text_of
from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import HOME
from tidemark.console.page import UTC
from tidemark.console.shown import instant


def card(console: Served, area: str, name: str = "olga") -> dict[str, str]:
    """Return what the card of an area says: label -> text."""
    answer = console.get("/", name)
    assert answer.status_code == 200
    _, _, rest = answer.text.partition(f'<li class="card" id="area-{area}">')
    assert rest, answer.text
    rest = rest.partition("</dl>")[0]
    lines = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", rest, re.DOTALL)
    last = re.findall(r'<p class="last">(.*?)</p>', rest, re.DOTALL)[0]
    return {"Last batch": text_of(last), **{text_of(what): text_of(said) for what, said in lines}}


def status_of(made: Made | Retail) -> dict[str, Any]:
    """Return what `tidemark status --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "tidemark", "status", made.area.area, "--json"],
        cwd=HOME,
        env={**os.environ, **made.environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def at(text: str) -> str:
    """Write an instant of the command as the console does."""
    return instant(datetime.fromisoformat(text), UTC)


def test_a_card_says_what_the_command_says(telling: Tell):
    made = telling()
    made.put(THINGS, (2, "bad", datetime.now(UTC)))
    made.run()
    forget_name(made)
    with serving_console({made.area.area: made.area}, made.warehouse.dsn) as console:
        said, status = card(console, made.area.area), status_of(made)
    last, (check,), (reject,) = status["batches"][0], status["checks"], status["rejects"]
    assert said["Last batch"].startswith(
        f"✕ {last['status']}: batch {last['batch_id']}, began {at(last['started_at'])}, took"
    )
    oldest = min(mark["high_water_mark"] for mark in status["marks"])
    assert said["Has all before"].startswith(at(oldest))
    assert last["error_message"].startswith(said["Error"].removesuffix("…"))
    assert said["Rejects"] == (
        f"{reject['rows']} open: {reject['entity']} {reject['rows']} ({reject['reason']})"
    )
    assert said["Checks"] == f"1 broken: {check['check']} {check['status']}"
    assert said["Held back by"] == "nobody"
    good = next(one for one in status["batches"] if one["status"] == "SUCCESS")
    assert said["Last success"] == at(good["ended_at"])


def test_a_card_says_when_the_next_success_is_due(console: Served, retail: Retail):
    assert card(console, "retail")["Due by"] == "13 h after the first attempt"
    retail.run()
    due = card(console, "retail")
    assert due["Due by"].endswith(" UTC, 13 h after the last success")
    ended = "update etl_batches set started_at = %s, ended_at = %s"
    then = datetime.fromisoformat("2025-01-01T00:00:00Z")
    retail.warehouse.execute("dwh", ended, [then, then])
    late = f"late since {instant(then + timedelta(hours=13), UTC)}, 13 h after the last success"
    assert card(console, "retail", "mona")["Due by"] == f"✕ {late}"


def test_a_card_names_who_holds_the_bound_back(console: Served, retail: Retail):
    holder = retail.open_session("operational")
    with holder.cursor() as cursor:
        cursor.execute("update customers set city = 'Rome' where customer_id = 1")
        retail.run()
    held = card(console, "retail", "mona")["Held back by"]
    assert held.startswith(f"! pid {holder.info.backend_pid}")
    assert f"pid {holder.info.backend_pid}" in console.get("/batches/1", "mona").text
    holder.rollback()


@pytest.mark.parametrize("name", ["mona", "anna"])
def test_who_watches_sees_no_reason(console: Served, retail: Retail, name: str):
    retail.add("customers", 9, email="nonsense", country="Nowhere")
    retail.run()
    assert card(console, "retail", name)["Rejects"] == "1 open: customers 1"
    seen = card(console, "retail", "olga")["Rejects"]
    assert seen == "1 open: customers 1 (country is unknown); customers 1 (email is not an address)"


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "stranger"])
def test_more_areas_are_asked_for_in_as_many_statements(retail: Retail, name: str):
    asked = []
    for many in (1, 40):
        areas = {f"a{n}": retail.area.model_copy(update={"area": f"a{n}"}) for n in range(many)}
        with serving_console(areas, retail.warehouse.dsn) as console:
            console.get("/", name)
            with counting.every_statement() as sent:
                assert console.get("/", name).text.count('class="card"') == many
        asked.append(len(sent))
    assert asked[0] == asked[1] <= 8, sent


def test_a_layer_that_is_away_is_said_and_the_rest_is_shown(console: Served, retail: Retail):
    retail.run()
    for layer, rejects in (("stg", "! not known: STG is away"), ("mrr", "0 open")):
        away = f"{layer.upper()} is away: what it would say is not known."
        with console.without(layer):
            said = card(console, "retail")
            assert said["Rejects"] == rejects
            assert said["Last batch"].startswith("✓ SUCCESS: batch 1")
            assert away in console.get("/").text
        assert away not in console.get("/").text
        assert card(console, "retail")["Rejects"] == "0 open"
    with console.without("dwh"):
        assert console.get("/").status_code == 503
    assert console.get("/").status_code == 200
