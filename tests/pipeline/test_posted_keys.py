"""Keys of events: two spellings of one value are one key, in the mirror and for who compares it."""

from __future__ import annotations

import pytest

from tests.fix_posted import Post, Posting
from tidemark.batch import pipeline
from tidemark.model import Column, Overrides
from tidemark.postgres import transfer
from tidemark.postgres.transfer import Landing, Task
from tidemark.sources.inbox import InboxSource

SPELLINGS = {
    "integer": ("1", "01"),
    "numeric": ("1.0", "1.00"),
    "numeric(10, 2)": ("1", "1.001"),
    "timestamptz": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"),
    "date": ("2026-01-02", "20260102"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
    "boolean": ("true", "t"),
    "text": ("a", "a"),
}


def keyed(posting: Post, type_: str) -> Posting:
    """Declare things with a key of a type."""
    return posting({"things": {"source": {"fields": {"id": type_, "v": "text"}}, "key": ["id"]}})


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("type_", sorted(SPELLINGS))
def test_two_spellings_of_a_key_are_one_row(posting: Post, type_: str):
    one, other = SPELLINGS[type_]
    made = keyed(posting, type_)
    for spelling, value in ((one, "first"), (other, "second")):
        made.post("things", id=spelling, v=value)
    made.run()
    assert made.verified().is_equal
    for spelling, value in ((one, "third"), (other, "fourth")):
        made.post("things", id=spelling, v=value)
        made.run()
        assert made.rows("stg", "select v from stg_things") == [(value,)]
        assert made.verified().is_equal


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("type_", sorted(SPELLINGS))
def test_a_row_is_repaired_however_its_event_spells_the_key(posting: Post, type_: str):
    made = keyed(posting, type_)
    for spelling in SPELLINGS[type_]:
        made.post("things", id=spelling, v="right")
        made.run()
    made.post("things", id="\u00e9" if type_ == "text" else "no key", v="other")
    made.run()
    made.warehouse.execute("mrr", "update mrr_things set v = 'wrong' where v = 'right'")
    found = made.verified()
    assert len(found.checks[0].compared.differences) == 1
    pipeline.run(made.servers, made.area, overrides=Overrides(repair=found.repair()))
    assert made.rows("stg", "select v from stg_things where v <> 'other'") == [("right",)]
    assert made.verified().is_equal


def test_what_is_no_value_of_the_type_is_no_key(posting: Post):
    made = keyed(posting, "integer")
    for spelling in ("1", "01", "one", "2"):
        made.post("things", id=spelling, v="x")
    landing = Landing(("landing_made", "keys"), (Column("id", "integer"),))
    with (
        InboxSource(made.servers).open(made.area, {}) as delta,
        made.servers.session("mrr", "take") as mrr,
    ):
        mrr.run(landing.emptied)
        transfer.land(mrr, Task(landing, lambda out: delta.send_keys("things", out)))
        found = mrr.rows("select distinct id from landing_made.keys order by 1")
    assert found == [(1,), (2,)]
