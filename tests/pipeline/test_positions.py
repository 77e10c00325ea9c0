"""Positions move with the rows that land, and forwards."""

from __future__ import annotations

from tests.fix_retail import Retail
from tidemark.layers import positions
from tidemark.model import Position

READ = "select entity, item, position, batch_id from tidemark.source_position order by 1, 2"


def move(retail: Retail, batch_id: int, **at: int) -> None:
    with retail.servers.session("mrr", "test") as mrr, mrr.transaction():
        moved = {"customers": {item: {"line": line} for item, line in at.items()}}
        positions.record(mrr, retail.area, moved, batch_id)


def test_a_position_is_replaced_by_that_of_a_later_batch(retail: Retail):
    move(retail, 7, a=1, b=1)
    move(retail, 8, b=2)
    assert retail.warehouse.rows("mrr", READ) == [
        ("customers", "a", {"line": 1}, 7),
        ("customers", "b", {"line": 2}, 8),
    ]


def test_a_batch_that_comes_late_moves_nothing(retail: Retail):
    move(retail, 8, a=2)
    move(retail, 7, a=1)
    assert retail.warehouse.rows("mrr", READ) == [("customers", "a", {"line": 2}, 8)]


def test_each_area_has_its_own(retail: Retail):
    move(retail, 7, a=1)
    other = retail.area.model_copy(update={"area": "other"})
    with retail.servers.session("mrr", "test") as mrr:
        assert positions.read(mrr, other) == {}
        assert positions.read(mrr, retail.area) == {"customers": {"a": {"line": 1}}}


def test_an_entity_is_read_again_where_nobody_knows_how_its_rows_came(retail: Retail):
    retail.run()
    retail.warehouse.execute("mrr", "delete from tidemark.source_position where entity = 'sales'")
    with retail.servers.session("mrr", "test") as mrr:
        found = positions.read(mrr, retail.area)
        known = positions.known(mrr, retail.area, found, refreshed={"products"})
    assert known["sales"] == known["products"] == positions.UNKNOWN
    assert "high" in known["customers"][""]


def test_the_mark_of_an_entity_is_that_of_its_last_item():
    at: dict[str, Position] = {
        "a": {"high": "2025-01-01T00:00:00+00:00"},
        "b": {"high": "2025-02-01T00:00:00+00:00"},
        "c": {"line": 3},
    }
    found = positions.marks({"things": at, "others": {"": {"line": 1}}})
    assert {name: mark.isoformat() for name, mark in found.items()} == {
        "things": "2025-02-01T00:00:00+00:00"
    }
