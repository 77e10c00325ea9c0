"""An area beside retail whose checks are of every kind, look at every layer, and are all broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made
from tidemark.errors import GateError
from tidemark.trust import check

_TABLES = {"mrr": "checked.mrr_things", "stg": "checked.stg_things", "dwh": "checked.dim_things"}


def _checks() -> Iterator[dict[str, Any]]:
    for layer, table in _TABLES.items():
        for kind in (
            {"not_null": "name", "at_most": "1%"},
            {"unique": "name", "where": "r.size > 0"},
            {"accepted_values": {"column": "size", "values": [7]}},
            {"relationships": {"columns": "size", "to": "things"}},
            {"between": {"column": "size", "min": 8}},
            {"between": {"column": "seen", "max": "2000-01-01"}, "name": f"{layer} old"},
            {"between": {"column": "id", "min": 8, "max": 9}},
            {"matches": {"column": "name", "pattern": "^x"}},
            {"row_count": {"max": 0}},
            {"freshness": {"column": "seen", "within": "1d"}},
            {"freshness": {"column": "seen at Asia/Tokyo", "within": "2d"}, "name": f"{layer} at"},
            {"reconcile": {"left": "select 1", "right": "select 2"}},
            {"sql": f"select id from {table}"},
        ):
            own = {"on": layer, "severity": "warn", "name": f"{layer} {next(iter(kind))} {kind}"}
            yield {**own, **kind, "name": kind.get("name", own["name"][:99])}
    yield {"not_null": "name", "severity": "reject", "where": "size = 99", "name": "no name"}


THINGS = Dimension(
    {
        "id": "integer",
        "name": "text",
        "size": "integer",
        "seen": "timestamp",
        "updated_at": "timestamptz",
    },
    ("id",),
    source=("checked", "things"),
    settings={"checks": [*_checks()], "deletes": "detect", "max_delete_ratio": 1},
)
EVENTS = Fact(
    {"no": "integer", "id": "integer", "at": "timestamptz"},
    ("no",),
    "at",
    {"thing_key": {"entity": "things", "by": ["id"]}},
    source=("checked", "events"),
    settings={
        "checks": [
            {"relationships": {"columns": "thing_key", "to": "things"}, "severity": "warn"},
            {"not_null": "no"},
        ]
    },
)


def break_checks(area: Made) -> None:
    """Break all checks in a first batch and in later ones, and forbid to publish two of them."""
    area.put(THINGS, (1, None, 1, "2025-01-01", "2025-01-01"), (2, "a", 2, None, "2025-01-01"))
    area.put(THINGS, (3, "a", 3, "2025-01-01", "2025-01-01"))
    area.put(EVENTS, (1, 7, "2025-01-01"))
    area.run()
    area.change(THINGS, "size = 4, updated_at = clock_timestamp()", where="id = 1")
    area.run()
    area.delete(THINGS, "id = %s", [2])
    area.run()
    check.run(area.servers, area.area)
    check.show(area.servers, area.area)
    plain = area.area
    for name in ("between_id", "row_count"):
        area.area = _failing(area, name)
        area.change(THINGS, "size = size + 1, updated_at = clock_timestamp()", where="id = 1")
        with pytest.raises(GateError):
            area.run()
    area.area = plain
    area.change(THINGS, "size = 1, updated_at = clock_timestamp()", where="id = 1")
    area.run()


def _failing(area: Made, name: str) -> Any:
    """Return the area with one check of STG that says `fail`."""
    things = area.area.entities["things"]
    checks = tuple(
        one.model_copy(update={"severity": "fail"})
        if one.on == "stg" and one.usual_name == name
        else one
        for one in things.checks
    )
    other = things.model_copy(update={"checks": checks})
    return area.area.model_copy(update={"entities": {**area.area.entities, "things": other}})
