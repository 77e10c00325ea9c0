"""Names and values that look like SQL, or like a driver's or a template's placeholders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.commands import process
from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.errors import ConfigError
from tidemark.layers import rejects
from tidemark.model import Overrides, ServerName
from tidemark.observe import history, plan, status
from tidemark.postgres.db import quoted
from tidemark.trust import verify

CANARY = "create table canary (n int)"
DROP = "; drop table canary; --"
KEY = ("k%(area)s", f"'{DROP}")
LONG = "ä" * 31
"""62 bytes: names that differ only in the last of 63."""

PLACES = Dimension(
    {
        KEY[0]: "text",
        KEY[1]: "integer",
        f'a"{DROP}': "text",
        "b {batch_id} {}": "text",
        "c\\d\n100%": "text",
        f"{LONG}1": "text",
        f"{LONG}2": "text",
        "select": "text",
        "at %s": "timestamptz",
    },
    key=KEY,
    type1=(f"{LONG}1", f"{LONG}2", "b {batch_id} {}"),
    watermark="at %s",
    entity="places",
    source=(f'p%s"{DROP}', f"t%(x)s'{{}}{DROP}" + "ü" * 15 + "x"),
    mrr=f"m%s{{}}'{DROP}",
    stg=f"s%(a)s\"'{DROP}",
    table=f'd%s {{x}} %(k)s"{DROP}',
    surrogate=f"%(key)s{DROP}",
    settings={"deletes": "detect", "max_delete_ratio": 0.9},
)
VISITS = Fact(
    {
        "i%(area)s": "integer",
        f"{LONG}1": "text",
        f"{LONG}2": "integer",
        f"at%s{DROP}": "timestamptz",
        "day %d": "date",
    },
    key=("i%(area)s",),
    event_time=f"at%s{DROP}",
    dimensions={f"p%(k)s{DROP}": {"entity": "places", "by": [f"{LONG}1", f"{LONG}2"]}},
    dates={f"d%s{DROP}": "day %d"},
    entity="visits",
    source=("v%s", f"v%s{DROP}"),
    mrr=f"v%s{DROP}",
    stg=f"w%s{DROP}",
    table=f"f%(x)s {{}}'{DROP}",
    settings={"deletes": "detect", "max_delete_ratio": 0.9},
)
EVIL = [
    f"'{DROP}",
    '"; drop',
    "%s",
    "%(area)s",
    "{area}",
    "{}",
    "\\'",
    "$$",
    "';select 1",
    "/*",
    "%",
]


@pytest.fixture
def named(made: Make) -> Made:
    """An area whose every name is an attack, with rows whose every value is one."""
    area = made(PLACES, VISITS, first=CANARY)
    area.put(PLACES, *((evil, n, *[evil] * 6, "2025-01-01") for n, evil in enumerate(EVIL)))
    area.put(VISITS, *((n, evil, n, "2025-01-02", "2025-01-02") for n, evil in enumerate(EVIL)))
    area.put(VISITS, (99, "inferred %s", 1, "2025-01-02", "2025-01-02"))
    area.run()
    return area


def canaries(area: Made) -> int:
    return len([area.warehouse.rows(layer, "select n from canary") for layer in area.servers.dsns])


def test_names_and_values_are_quoted_wherever_a_batch_takes_them(named: Made):
    named.change(PLACES, '"select" = %s, "at %%s" = now()', ["new"])
    named.change(VISITS, '"day %%d" = %s', ["infinity"], '"i%%(area)s" = 3')
    named.change(VISITS, f'"at%%s{DROP}" = %s', ["2026-01-02"], '"i%%(area)s" < 3')
    named.delete(PLACES, '"k%%(area)s" = %s', ["%s"])
    named.delete(VISITS, '"i%%(area)s" = %s', [5])
    named.run()
    named.put(PLACES, ("inferred %s", 1, *"abcdef", "now"))
    named.change(VISITS, '"day %%d" = %s', ["2025-01-02"], '"i%%(area)s" = 3')

    named.run()

    assert len(named.published(PLACES)) == len(EVIL)
    assert named.published(PLACES) == [row[:-1] for row in named.sent(PLACES)]
    assert named.published(VISITS) == named.sent(VISITS)
    assert named.run().changed == 0
    assert named.differences() == []
    assert canaries(named) == 4


def test_a_repair_of_such_names_mends_them(named: Made):
    tables: list[tuple[ServerName, str]] = [("mrr", PLACES.mrr), ("stg", VISITS.stg)]
    tables += [("dwh", PLACES.table), ("dwh", VISITS.table)]
    for layer, table in tables:
        named.warehouse.execute(layer, f"delete from {quoted(table)}")

    found = verify.run(named.servers, named.area)
    pipeline.run(named.servers, named.area, overrides=Overrides(repair=found.repair()))

    assert named.differences() == []
    assert canaries(named) == 4


def test_what_operators_ask_of_such_names_is_answered(named: Made):
    named.change(VISITS, '"day %%d" = %s', ["infinity"], '"i%%(area)s" = 3')
    named.run()
    places = named.area.entity("places")
    found = history.read(named.servers, named.area, places, ["%(area)s", "3"])
    assert (len(found.versions), history.most_changed(named.servers, places)) == (
        1,
        ('"; drop', "1"),
    )
    assert [e.rows for e in plan.make(named.servers, named.area).entities] == [0, 12]
    assert [r.rows for r in status.read(named.servers, named.area).rejects] == [1]
    with named.servers.session("stg", "test") as stg:
        listed = rejects.listing(stg, named.area, entity="visits", resolved=False, limit=9)
    assert [reject.key for reject in listed] == [{"i%(area)s": 3}]
    examined = process("doctor", env=named.environment)
    assert (examined.code, examined.err) == (0, "")
    assert canaries(named) == 4


WORDS: list[tuple[list[str], int]] = [
    (["history", "places", f"'{DROP}", "0"], 0),
    (["history", "places", "%(area)s", f"0{DROP}"], 2),
    (["history", "places", "%s", "2"], 0),
    (["history", "places", "\udcff", "0"], 2),
    (["history", f"places{DROP}", "a", "0"], 3),
    (["rejects", "--entity", f"visits'{DROP}"], 3),
    (["run", "--full-refresh", f"visits'{DROP}"], 3),
    (["run", "--hop", f"stage'{DROP}"], 3),
    (["status", f"made'{DROP}"], 3),
    (["dsn", f"dwh'{DROP}"], 3),
]


def test_words_of_a_command_are_values(named: Made):
    done = [process(*words, env=named.environment) for words, _ in WORDS]
    assert [command.code for command in done] == [code for _, code in WORDS]
    assert ["Traceback" in command.err for command in done] == [False] * len(WORDS)
    assert canaries(named) == 4


HOLIDAYS = ["US'; drop table canary; --", "__import__('os')", "", "%s", "../US"]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("code", HOLIDAYS)
def test_a_country_is_a_country(made: Make, code: str):
    events: Any = Fact(
        {"id": "int", "at": "timestamptz", "day": "date"}, ("id",), "at", dates={"day_key": "day"}
    )
    area = made(events, project={"calendar": {"holidays": code}}, first=CANARY)
    area.put(events, (1, "2025-01-01", "2025-01-01"))
    with pytest.raises(ConfigError, match="is no country that the holidays library knows"):
        area.run()
