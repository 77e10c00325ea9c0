"""Examine servers, privileges and disks; say what is missing and how to mend it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from tidemark import catalog, db, ledger, migrate, watermark
from tidemark.config import Area, Entity, Project
from tidemark.db import Servers, Session
from tidemark.errors import TidemarkError, WindowError
from tidemark.model import LAYERS, Layer, in_the_future
from tidemark.watermark import Activity

Severity = Literal["ok", "warning", "problem"]

_CLOCK_TOLERANCE = 5.0
_LEAST_SPACE = 1 << 30
_INDEXING = {
    "r": "create index concurrently",
    "m": "create index concurrently",
    "p": "create index",
}
"""Kinds of relations that can have an index; the partitioned one can't have it concurrently."""


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
    for area in project.areas.values():
        findings += _lost(servers, area)
        findings += _set_back(servers, area)
    return findings


def _lost(servers: Servers, area: Area) -> Iterator[Finding]:
    """Compare which batches neighbouring layers have applied, where that can be known."""
    for sender, receiver in pairwise(LAYERS[1:]):
        with (
            suppress(TidemarkError),
            servers.session(sender, "doctor") as before,
            servers.session(receiver, "doctor") as behind,
        ):
            found = ledger.lost(before, behind, area)
            if found:
                remedy = f"tidemark rebuild {area.area} --dry-run; # says what a rebuild would lose"
                yield Finding(receiver, "warning", str(found), remedy)


def _set_back(servers: Servers, area: Area) -> Iterator[Finding]:
    """Compare the source's clock with what MRR has extracted, where both can be known."""
    with (
        suppress(TidemarkError),
        servers.session("operational", "doctor") as source,
        servers.session("mrr", "doctor") as mrr,
    ):
        marks, clock = watermark.marks(mrr, area), watermark.activity(source, area).clock
        try:
            watermark.refuse_set_back(area, marks, clock)
        except WindowError as error:
            yield Finding("operational", "problem", str(error))


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
        yield from _space(session)
        yield from _prepared(session)
        if layer != "operational":
            yield from _letters(session)
        if layer == "dwh":
            yield from _analysts(session)
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


def _space(session: Session) -> Iterator[Finding]:
    size, path, is_local = session.one(db.compose("doctor", "space"))
    if not (path and is_local and Path(path).exists()):
        what = f"the database has {_bytes(size)}; what is free on its disk can't be seen from here"
        yield Finding(session.layer, "ok", what)
        return
    free = shutil.disk_usage(path).free
    what = f"the database has {_bytes(size)}, and its disk {_bytes(free)} free"
    if free >= max(size, _LEAST_SPACE):
        yield Finding(session.layer, "ok", what)
    else:
        yield Finding(
            session.layer,
            "warning",
            f"{what}: a refresh may write as much as there is once more",
            f"Enlarge the disk of {path}, or delete from it what is not PostgreSQL's.",
        )


def _bytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GB" if count >= 2**30 else f"{count / 2**20:,.0f} MB"


def _prepared(session: Session) -> Iterator[Finding]:
    for gid, owner, age, quoted in session.rows(db.compose("doctor", "prepared")):
        yield Finding(
            session.layer,
            "warning",
            f"the prepared transaction {gid!r} of {owner} is open for {age:.0f} s: it keeps its "
            "locks, and vacuum from its work",
            f"rollback prepared {quoted}; -- or: commit prepared {quoted};",
        )


def _analysts(session: Session) -> Iterator[Finding]:
    """Look for what lets analysts stand in the way of the pipeline, and of each other."""
    if session.value(db.compose("doctor", "has_analysts")):
        for what, remedy in session.rows(db.compose("doctor", "analysts")):
            yield Finding(session.layer, "warning", what, remedy)


def _letters(session: Session) -> Iterator[Finding]:
    """Look at what the database makes of letters beyond ASCII."""
    copy, encoding, changes_case = session.one(db.compose("doctor", "letters"))
    what = ""
    if encoding != "UTF8":
        what = f"its encoding is {encoding}: a row with a character beyond it stops the batch"
    elif session.layer == "stg" and not changes_case:
        what = "its locale changes the case of ASCII letters alone, and cleansing that of all"
    if what:
        yield Finding(
            session.layer,
            "warning",
            what,
            f"create database {copy} template template0 encoding 'UTF8' locale 'C.UTF-8'; "
            "-- restore a dump there, and rename it",
        )


def _source(session: Session, area: Area, login: str) -> Iterator[Finding]:
    seen = watermark.activity(session, area)
    for entity in area.entities.values():
        try:
            watermark.window(area, entity, None, seen)
        except WindowError as error:
            yield Finding("operational", "problem", str(error), _unblocking(session, seen, login))
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
            yield from _table(session, area, entity, login, seen.clock)


def _unblocking(session: Session, seen: Activity, login: str) -> str:
    """Say how a safe upper bound becomes known. A standby never knows one."""
    if seen.is_standby:
        return "Point TIDEMARK_OPERATIONAL_DSN to the primary."
    if seen.late:
        return "Point TIDEMARK_OPERATIONAL_DSN to where the rows are written, or set `settle`."
    if not seen.sees_all_sessions:
        return f"grant pg_read_all_stats to {login};"
    if seen.hidden_sessions:
        return "select pid, usename from pg_stat_activity where state = 'disabled';"
    return " ".join(
        f"rollback prepared {quoted};"
        for *_, quoted in session.rows(db.compose("doctor", "prepared"))
    )


def _table(
    session: Session, area: Area, entity: Entity, login: str, clock: datetime
) -> Iterator[Finding]:
    schema, table = entity.source_name
    quoted, where = db.quoted(schema, table), f"{area.area}.{entity.name}"
    may_use, may_read, kind, is_indexed = session.one(
        db.compose("doctor", "source_table"),
        {"schema": schema, "table": table, "watermark": entity.watermark},
    )
    grants = [] if may_use else [f"grant usage on schema {db.quoted(schema)} to {login};"]
    grants += [] if may_read else [f"grant select on {quoted} to {login};"]
    if grants:
        what = f"{where}: the login may not read {entity.source}"
        yield Finding("operational", "problem", what, " ".join(grants))
    elif entity.extract == "delta":
        *_, future = watermark.beyond(session, entity, clock)
        if future:
            yield Finding(
                "operational",
                "warning",
                f"{where}: {in_the_future(future)}",
                f"Correct {entity.watermark} there, and the clock of who writes it.",
            )
    if entity.watermark and kind in _INDEXING and not is_indexed:
        yield Finding(
            "operational",
            "warning",
            f"{where}: no index begins with {entity.watermark}, so each batch reads the whole "
            "table",
            f"{_INDEXING[kind]} on {quoted} ({db.quoted(entity.watermark)});",
        )
