"""A source that shows several versions of a key in one batch, in order: as events or files do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extras import execute_values

from tests.fix_areas import Dimension, Fact, Made, Make
from tests.queries import execute
from tidemark.batch import publish, stage
from tidemark.layers import ledger, mirror, versions
from tidemark.model import QualifiedName
from tidemark.postgres import db

START = datetime(2025, 1, 1, tzinfo=UTC)

THINGS = Dimension(
    {"id": "text", "v": "text", "name": "text", "updated_at": "timestamptz"},
    ("id",),
    type1=("name",),
    refused="case when v = 'bad' then array['v is bad'] else '{}' end",
)
EVENTS = Fact(
    {"event": "text", "id": "text", "amount": "integer", "at": "timestamptz"},
    ("event",),
    "at",
    {"thing_key": "things"},
)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


@dataclass(frozen=True)
class Shown:
    """One version of a row as a source shows it: its values but for the key, and when."""

    values: tuple[Any, ...]
    clock: datetime
    is_deleted: bool = False


class Ordered:
    """An area whose source shows versions in order, with no database behind it."""

    def __init__(self, made: Made) -> None:
        self.made, self.warehouse = made, made.warehouse
        self.batch = 0

    def show(
        self, things: dict[str, list[Shown]], events: dict[str, list[Shown]] | None = None
    ) -> None:
        """Bring one batch of versions to MRR, in their order for each key."""
        self.batch += 1
        with self.made.servers.session("mrr", "test") as mrr, mrr.transaction():
            for entity, shown in ((THINGS, things), (EVENTS, events or {})):
                target, _ = mirror.read(mrr, self.made.area)[entity.entity]
                if shown:
                    rows = list(self._rows(shown))
                    landed = self._land(target.table, rows, list(entity.columns))
                    versions.apply(mrr, target, db.name(*landed), rows=len(rows))
            ledger.record(mrr, self.made.area, self.batch, {}, [THINGS.entity, EVENTS.entity])

    def move(self) -> None:
        """Bring what MRR has to STG and the DWH."""
        stage.run(self.made.servers, self.made.area, self.batch)
        publish.run(self.made.servers, self.made.area, self.batch)

    def _rows(self, shown: dict[str, list[Shown]]) -> Iterator[tuple[Any, ...]]:
        for key, ones in shown.items():
            for seq, one in enumerate(ones):
                deleted_at = one.clock if one.is_deleted else None
                own = (self.batch, seq, one.clock, deleted_at, one.is_deleted)
                yield (key, *one.values, *own)

    def _land(
        self, mirrored: QualifiedName, rows: Iterable[tuple[Any, ...]], columns: list[str]
    ) -> QualifiedName:
        table = f"{mirrored[1]}.shown"
        own = ["_batch_id", "_seq", "_extracted_at", "_deleted_at"]
        with self.warehouse.connect("mrr") as connection:
            execute(
                connection,
                f"""
                drop table if exists landing."{table}";
                create table landing."{table}" as
                select {", ".join([*columns, *own])}, false as _follows from {mirrored[1]}
                with no data;
                grant select on landing."{table}" to tidemark_etl
                """,
            )
            with connection.cursor() as cursor:
                execute_values(cursor, f'insert into landing."{table}" values %s', list(rows))
        return "landing", table


@pytest.fixture
def ordered(made: Make) -> Ordered:
    """Things and the events that happen to them, of a source that shows versions in order."""
    return Ordered(made(THINGS, EVENTS))
