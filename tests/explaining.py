"""A session that explains what it runs, and adds up the rows that the plans have read."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg2.extensions import connection as Connection

from tidemark.model import ServerName
from tidemark.postgres import db
from tidemark.postgres.db import (
    Composable,
    Parameters,
    Row,
    Session,
)

BETWEEN = "between tables"
"""Rows that a plan reads again of what it has read: of a CTE, or of one side of a join."""

_EXPLAINED = ("select", "insert", "update", "delete", "create unlogged table")
_REMOVED = [f"Rows Removed by {by}" for by in ("Filter", "Index Recheck", "Join Filter")]

Plan = Mapping[str, Any]


class Explaining(Session):
    """Executes each statement under `explain analyze`, and keeps the plans."""

    def __init__(self, connection: Connection, layer: ServerName) -> None:
        super().__init__(connection, layer)
        self.plans: list[Plan] = []

    def run(self, statement: Composable | str, parameters: Parameters = None) -> int:
        """Execute the statement; the number of rows that it touched is not known."""
        if not self._explained(statement, parameters):
            super().run(statement, parameters)
        return 0

    def queue(self, statement: Composable | str, parameters: Parameters = None) -> None:
        """Execute the statement at once: only the last one of a message would be explained."""
        self.run(statement, parameters)

    def rows(self, statement: Composable | str, parameters: Parameters = None) -> list[Row]:
        """Explain the query, and execute it once more for its rows."""
        self._explained(statement, parameters)
        return super().rows(statement, parameters)

    def _explained(self, statement: Composable | str, parameters: Parameters) -> bool:
        query = db.raw(statement) if isinstance(statement, str) else statement
        drop, _, make = query.as_string(self._connection).partition(";\n")
        if drop.startswith("drop table") and make:  # A work table, see `worktable.make`.
            super().run(drop)
            return self._explained(make, None)
        if not query.as_string(self._connection).startswith(_EXPLAINED):
            return False
        explain = db.raw("explain (analyze, format json) ") + query
        [([explained],)] = super().rows(explain, parameters)
        self.plans.append(explained["Plan"])
        return True

    @property
    def read(self) -> Counter[str]:
        """Rows read of each table by the statement that reads most of it."""
        most: Counter[str] = Counter()
        for plan in self.plans:
            most |= _read(plan)
        return most

    def reading(self, table: str) -> list[int]:
        """How many rows of a table each statement reads that reads it, in their order."""
        found = [_read(plan) for plan in self.plans]
        return [read[table] for read in found if table in read]

    @property
    def held(self) -> int:
        """The most rows that a node kept until it had them all, to sort them or to look them up."""
        return max(
            int(node["Actual Rows"] * node["Actual Loops"])
            for plan in self.plans
            for node in _nodes(plan)
            if node["Node Type"] in {"Sort", "Hash"}
        )


def _read(plan: Plan) -> Counter[str]:
    read: Counter[str] = Counter()
    for node in _nodes(plan):
        removed = sum(node.get(reason, 0) for reason in _REMOVED)
        rows = round((node["Actual Rows"] + removed) * node["Actual Loops"])
        if "Relation Name" in node and node["Node Type"] != "ModifyTable":
            read[re.sub(r"_\d{4}_\d\d$", "", node["Relation Name"])] += rows
        elif node["Node Type"] in {"CTE Scan", "Materialize"}:
            read[BETWEEN] += rows
        else:
            read[BETWEEN] += round(removed * node["Actual Loops"])
    return read


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
