"""Examine connections, versions and privileges; say what is missing and how to mend it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from tidemark import catalog, db, migrate, watermark
from tidemark.config import Area, Entity, Project
from tidemark.db import Servers, Session
from tidemark.errors import TidemarkError, WindowError
from tidemark.model import LAYERS, Layer

Severity = Literal["ok", "warning", "problem"]

_CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is a statement or a command."""

    layer: Layer
    severity: Severity
    what: str
    remedy: str = ""


def examine(project: Project, servers: Servers) -> list[Finding]:
    """Look at every layer; nothing is written, and no problem ends the examination."""
    findings: list[Finding] = []
    for layer in LAYERS:
        findings += _examine_layer(project, servers, layer)
    return findings


def _examine_layer(project: Project, servers: Servers, layer: Layer) -> Iterator[Finding]:
    try:
        session = db.connect(servers.dsns[layer], layer, purpose="doctor", as_etl=False)
    except TidemarkError as error:
        yield Finding(layer, "problem", str(error))
        return
    try:
        login = yield from _about(session)
        if layer != "operational" and not session.value(db.compose("doctor", "may_become")):
            yield Finding(
                layer,
                "problem",
                "the login is no member of tidemark_etl, as which the pipeline works",
                f"grant tidemark_etl to {login};",
            )
        yield from _migrations(project, session)
        if layer == "operational":
            for area in project.areas.values():
                yield from _source(session, area, login)
    except TidemarkError as error:
        yield Finding(layer, "problem", str(error))
    finally:
        session.close()


def _about(session: Session) -> Generator[Finding, None, str]:
    """Say what the server is; return the login, quoted."""
    session.run(db.compose("doctor", "reset_zone"))
    asked = time.time()
    version, zone, encoding, login, clock = session.one(db.compose("doctor", "about"))
    yield Finding(
        session.layer, "ok", f"PostgreSQL {version}, {encoding}, time zone {zone}, login {login}"
    )
    off = clock - (asked + time.time()) / 2
    if abs(off) > _CLOCK_TOLERANCE:
        yield Finding(
            session.layer,
            "warning",
            f"its clock is {off:+.0f} s off this machine's",
            "Run an NTP client on both.",
        )
    return str(login)


def _migrations(project: Project, session: Session) -> Iterator[Finding]:
    # Only who migrates, and tidemark_etl in the warehouse, may read what was applied.
    if not session.value(db.compose("doctor", "may_read_migrations")):
        return
    # A source that has no sample application is none of ours.
    if session.layer == "operational" and not session.value(db.compose("doctor", "is_migrated")):
        return
    pending = migrate.pending(project, session)
    if pending:
        yield Finding(
            session.layer,
            "problem",
            f"{len(pending)} files of sql/ are not applied, the first is {pending[0]}",
            "tidemark migrate",
        )
    else:
        yield Finding(session.layer, "ok", "sql/ is applied")


def _source(session: Session, area: Area, login: str) -> Iterator[Finding]:
    seen = watermark.activity(session)
    for entity in area.entities.values():
        try:
            watermark.window(area, entity, None, seen)
        except WindowError as error:
            grant = "" if seen.sees_all_sessions else f"grant pg_read_all_stats to {login};"
            yield Finding("operational", "problem", str(error), grant)
            break
    else:
        yield Finding("operational", "ok", f"{area.area}: a safe upper bound is known")
    found = catalog.tables(session, [entity.source_name for entity in area.entities.values()])
    for entity in area.entities.values():
        if entity.source_name not in found:
            yield Finding(
                "operational",
                "problem",
                f"{area.area}.{entity.name}: the table {entity.source} does not exist",
                f"Create it, or correct `source` in sql/{area.area}/area.yml.",
            )
        else:
            yield from _table(session, area, entity, login)


def _table(session: Session, area: Area, entity: Entity, login: str) -> Iterator[Finding]:
    quoted = '"{}"."{}"'.format(*(part.replace('"', '""') for part in entity.source_name))
    table = db.literal(quoted)
    if not session.value(db.compose("doctor", "may_read", table=table)):
        yield Finding(
            "operational",
            "problem",
            f"{area.area}.{entity.name}: the login may not read {entity.source}",
            f"grant select on {quoted} to {login};",
        )
    if entity.watermark and not session.value(
        db.compose("doctor", "indexed", table=table, column=db.literal(entity.watermark))
    ):
        yield Finding(
            "operational",
            "warning",
            f"{area.area}.{entity.name}: no index begins with {entity.watermark}, so each batch "
            "reads the whole table",
            f'create index concurrently on {quoted} ("{entity.watermark}");',
        )
