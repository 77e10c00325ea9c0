"""Run an area's checks by themselves, on what its layers hold now; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.layers import checks, judging, rejects, samples, verdicts
from tidemark.layers.checks import Measured
from tidemark.model import LAYERS, CheckResult, Layer
from tidemark.postgres import question, transfer
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.star import audits, judged, schema
from tidemark.star.schema import Star


@dataclass(frozen=True, slots=True)
class Shown:
    """A check, and the query that shows what breaks it."""

    check: str
    layer: Layer
    severity: str
    query: str


def run(servers: Servers, area: Area, *, few: int = samples.FEW) -> list[CheckResult]:
    """Run all checks of an area, and those that every area has; `few`: keys that are shown.

    A check that reads a landing table sees what the last batch left there.
    """
    found: list[CheckResult] = []
    for layer in LAYERS:
        with servers.session(layer, f"check {area.area}") as session:
            rows, star = _rows(servers, session, area, layer)
            with session.rolled_back(transfer.READ_ONLY):
                began = time.monotonic()
                known = question.ask(session, judging.kept(area))
                looked = judging.look(session, area, layer, rows, known, few=few)
                seconds = time.monotonic() - began
                found += [verdicts.result(one, seconds=seconds) for one in looked]
                if layer == "stg":
                    found += rejects.open_by_check(session, area, few=few)
                if star is not None:
                    found += audits.of_all(session, star, few=few)
    return found


def show(servers: Servers, area: Area) -> list[Shown]:
    """Return the query of each check, to be run in psql."""
    found: list[Shown] = []
    for layer in LAYERS:
        with servers.session(layer, f"check {area.area}") as session:
            rows, _ = _rows(servers, session, area, layer)
            found += _shown(session, area, layer, rows)
    return found


def _shown(session: Session, area: Area, layer: Layer, rows: checks.All) -> Iterator[Shown]:
    for one in area.placed_checks:
        if one.layer == layer:
            measured = Measured(one, rows[one.entity] if one.entity else None, rows)
            query = session.spelled(samples.showing(measured))
            yield Shown(one.name, layer, one.check.severity, query)


def _rows(
    servers: Servers, session: Session, area: Area, layer: Layer
) -> tuple[checks.All, Star | None]:
    if layer != "dwh":
        return checks.of_mirrors(area, layer), None
    with servers.session("stg", f"check {area.area}") as stg:
        star = schema.read(stg, session, area)
    return judged.rows(star, area.area), star
