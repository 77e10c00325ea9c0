"""Rows that no window has now, and how a window is read, whatever the type of the watermark."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from psycopg2.extensions import connection as Connection

from tests.explaining import Explaining
from tests.queries import execute, rows
from tidemark.declare.config import Area
from tidemark.model import Column, Window
from tidemark.postgres import db
from tidemark.postgres.times import TimeColumn
from tidemark.sources import window
from tidemark.sources.window import Found

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
THINGS = {"source": "stamps", "key": ["id"], "watermark": "at"}
AREA = Area.model_validate({"area": "made", "entities": {"things": THINGS}})
KINDS = {
    "timestamp with time zone": "2025-01-01 12:01:00.01Z",
    "timestamp(0) with time zone": "2025-01-01 12:01:01Z",
    "timestamp without time zone": "2025-01-01 13:01:00.01",
    "timestamp(3) without time zone": "2025-01-01 13:01:00.01",
    "date": "2025-01-02",
}
"""Type -> a value that lies in the future at noon, an hour later in Berlin."""


@pytest.fixture(params=KINDS)
def column(request: pytest.FixtureRequest, operational: Connection) -> TimeColumn:
    execute(operational, f"create table stamps (at {request.param}); create index on stamps (at)")
    return TimeColumn.of(Column("at", request.param), "Europe/Berlin")


def test_rows_that_no_window_has_are_counted(
    request: pytest.FixtureRequest, operational: Connection, column: TimeColumn
):
    future = KINDS[request.node.callspec.params["column"]]
    stamps = [None, "infinity", "9999-12-31", "9999-12-30", future, "2025-01-01", "-infinity"]
    execute(operational, "insert into stamps select unnest(%s::text[])::date", [stamps[:4]])
    execute(operational, "insert into stamps values (%s), (%s), (%s)", stamps[4:])
    source = Explaining(operational, "operational")
    relations = {"things": db.name("stamps")}
    sought = {"things": Window(None, NOON)}
    found = window.look(source, AREA, sought, NOON, {"things": column}, relations=relations)
    assert found == {"things": Found(without=1, endless=2, future=2, has_rows=True)}


def test_a_window_uses_the_index_of_its_column(operational: Connection, column: TimeColumn):
    execute(operational, "set local enable_seqscan = off; set local enable_bitmapscan = off")
    condition = window.condition(column, Window(NOON, datetime(2025, 2, 1, tzinfo=UTC)))
    explain = db.raw("explain select from stamps where ") + condition
    shown = str(rows(operational, explain.as_string(operational)))
    assert "Index Cond: ((at >= " in shown
    assert "Filter" not in shown
