"""Examine servers, privileges and disks; say what is missing and how to mend it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from tidemark import catalog, confined, db, ledger, migrate, rights
from tidemark.config import Area, Entity
from tidemark.db import Servers, Session
from tidemark.errors import MigrationError, TidemarkError, WindowError
from tidemark.model import ETL_ROLE, LAYERS, ServerName, dsn_variable, in_the_future, is_source
from tidemark.project import Project
from tidemark.rights import Login
from tidemark.sources import window
from tidemark.sources.window import Activity

Severity = Literal["ok", "warning", "problem"]

_CLOCK_TOLERANCE = 5.0
_LEAST_SPACE = 1 << 30
_SHOWN = 4
"""Statements of one kind that are printed, where `tidemark migrate` runs them as well."""
_INDEXING = {
    "r": "create index concurrently",
    "m": "create index concurrently",
    "p": "create index",
}
"""Kinds of relations that can have an index; the partitioned one can't have it concurrently."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is a statement or a command."""

    layer: ServerName
    """Of a source, its name."""
    severity: Severity
    what: str
    remedy: str = ""


def examine(project: Project, servers: Servers) -> list[Finding]:
    """Look at every server; nothing is written, and no problem ends the examination."""
    findings: list[Finding] = []
    for server in project.servers:
        findings += _examine(project, servers, server)
    for area in project.areas.values():
        findings += _lost(servers, area)
        findings += _set_back(servers, area)
    return findings


def _lost(servers: Servers, area: Area) -> Iterator[Finding]:
    """Compare which batches neighbouring layers have applied, where that can be known."""
    for sender, receiver in pairwise(LAYERS):
        with (
            suppress(TidemarkError),
            _reading(servers, sender) as before,
            _reading(servers, receiver) as behind,
        ):
            found = ledger.lost(before, behind, area)
            if found:
                remedy = f"tidemark rebuild {area.area} --dry-run; # says what a rebuild would lose"
                yield Finding(receiver, "warning", str(found), remedy)


def _set_back(servers: Servers, area: Area) -> Iterator[Finding]:
    """Compare the source's clock with what MRR has extracted, where both can be known."""
    with (
        suppress(TidemarkError),
        _reading(servers, area.source.name) as source,
        _reading(servers, "mrr") as mrr,
    ):
        marks, clock = _marks(mrr, area), window.activity(source, area).clock
        try:
            window.refuse_set_back(area, marks, clock)
        except WindowError as error:
            yield Finding(area.source.name, "problem", str(error))


@contextmanager
def _reading(servers: Servers, server: ServerName) -> Iterator[Session]:
    """Open a session for catalogs and COPY, which run nothing that others have made."""
    session = db.connect(servers.dsns[server], server, purpose="doctor", as_etl=False)
    with closing(session):
        if not is_source(server):
            session.run(db.compose("db", "become", role=db.name(ETL_ROLE)))
        yield session


def _marks(mrr: Session, area: Area) -> dict[str, datetime]:
    columns = ("area", "entity", "position")
    rows = confined.read(mrr, ("tidemark", "source_position"), columns)
    highs = ((entity, json.loads(at).get("high")) for name, entity, at in rows if name == area.area)
    return {entity: datetime.fromisoformat(high) for entity, high in highs if high}


def _examine(project: Project, servers: Servers, server: ServerName) -> Iterator[Finding]:
    try:
        session = db.connect(servers.dsns[server], server, purpose="doctor", as_etl=False)
    except TidemarkError as error:
        yield Finding(server, "problem", str(error))
        return
    try:
        yield from _about(session)
        login = rights.login(session)
        if not is_source(server):
            yield from _rights(project, session, login)
        yield from _migrations(project, session)
        yield from _space(session)
        yield from _prepared(session)
        if not is_source(server):
            yield from _letters(session)
        if server == "dwh":
            yield from _analysts(session)
        for area in project.reading(server):
            yield from _source(session, area, login, servers.whereabouts(server))
    except TidemarkError as error:
        yield Finding(server, "problem", str(error))
    finally:
        session.close()


def _about(session: Session) -> Iterator[Finding]:
    """Say what the server is, and who is logged in."""
    session.run(db.compose("doctor", "reset_zone"))
    asked = time.time()
    version, zone, encoding, login, clock = session.one(db.compose("doctor", "about"))
    yield Finding(
        session.server, "ok", f"PostgreSQL {version}, {encoding}, time zone {zone}, login {login}"
    )
    off = clock - (asked + time.time()) / 2
    if abs(off) > _CLOCK_TOLERANCE:
        yield Finding(
            session.server,
            "warning",
            f"its clock is {off:+.0f} s off this machine's",
            "Run an NTP client on both.",
        )


def _rights(project: Project, session: Session, login: Login) -> Iterator[Finding]:
    """Compare roles, owners and grants with what they have to be."""
    if login.is_migrated or not login.may_migrate:
        ours = migrate.wanted(project, session.server)
        found = [each for each in rights.amiss(session, ours) if not ours.judges(each)]
        for kind in dict.fromkeys(each.kind for each in found):
            some = [each for each in found if each.kind == kind]
            more = f", and {len(some) - 1} more of this kind" if some[1:] else ""
            remedy = " ".join(each.statement for each in some[:_SHOWN])
            remedy = remedy if len(some) <= _SHOWN else "tidemark migrate"
            yield Finding(session.server, "problem", f"{some[0].what}{more}", remedy)
    for role in session.rows(db.compose("doctor", "writers")) if login.is_superuser else ():
        yield Finding(
            session.server,
            "warning",
            f"the login is a superuser, and what {role[0]} may put there runs with its rights",
            f"Let {dsn_variable(session.server)} log in as {role[0]}, but for `migrate`.",
        )
    if session.value(db.compose("doctor", "all_may_create")):
        yield Finding(
            session.server,
            "warning",
            "everybody may create in schema public, where the pipeline finds what it calls",
            "revoke create on schema public from public;",
        )


def _migrations(project: Project, session: Session) -> Iterator[Finding]:
    # Only who migrates, and tidemark_etl in the warehouse, may read what was applied.
    if not session.value(db.compose("doctor", "may_read_migrations")):
        return
    # A source that has no sample application is none of ours.
    if is_source(session.server) and not session.value(db.compose("doctor", "is_migrated")):
        return
    try:
        pending = migrate.pending(project, session)
    except MigrationError as error:
        yield Finding(session.server, "problem", str(error))
        return
    if pending:
        yield Finding(
            session.server,
            "problem",
            f"{len(pending)} files of sql/ are not applied, the first is {pending[0]}",
            "tidemark migrate",
        )
    else:
        yield Finding(session.server, "ok", "sql/ is applied")


def _space(session: Session) -> Iterator[Finding]:
    size, path, is_local = session.one(db.compose("doctor", "space"))
    if not (path and is_local and Path(path).exists()):
        what = f"the database has {_bytes(size)}; what is free on its disk can't be seen from here"
        yield Finding(session.server, "ok", what)
        return
    free = shutil.disk_usage(path).free
    what = f"the database has {_bytes(size)}, and its disk {_bytes(free)} free"
    if free >= max(size, _LEAST_SPACE):
        yield Finding(session.server, "ok", what)
    else:
        yield Finding(
            session.server,
            "warning",
            f"{what}: a refresh may write as much as there is once more",
            f"Enlarge the disk of {path}, or delete from it what is not PostgreSQL's.",
        )


def _bytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GB" if count >= 2**30 else f"{count / 2**20:,.0f} MB"


def _prepared(session: Session) -> Iterator[Finding]:
    for gid, owner, age, quoted in session.rows(db.compose("doctor", "prepared")):
        yield Finding(
            session.server,
            "warning",
            f"the prepared transaction {gid!r} of {owner} is open for {age:.0f} s: it keeps its "
            "locks, and vacuum from its work",
            f"rollback prepared {quoted}; -- or: commit prepared {quoted};",
        )


def _analysts(session: Session) -> Iterator[Finding]:
    """Look for what lets analysts stand in the way of the pipeline, and of each other."""
    if session.value(db.compose("doctor", "has_analysts")):
        for what, remedy in session.rows(db.compose("doctor", "analysts")):
            yield Finding(session.server, "warning", what, remedy)


def _letters(session: Session) -> Iterator[Finding]:
    """Look at what the database makes of letters beyond ASCII."""
    copy, encoding, changes_case = session.one(db.compose("doctor", "letters"))
    what = ""
    if encoding != "UTF8":
        what = f"its encoding is {encoding}: a row with a character beyond it stops the batch"
    elif session.server == "stg" and not changes_case:
        what = "its locale changes the case of ASCII letters alone, and cleansing that of all"
    if what:
        yield Finding(
            session.server,
            "warning",
            what,
            f"create database {copy} template template0 encoding 'UTF8' locale 'C.UTF-8'; "
            "-- restore a dump there, and rename it",
        )


def _source(session: Session, area: Area, login: Login, whereabouts: str) -> Iterator[Finding]:
    seen = window.activity(session, area)
    for entity in area.entities.values():
        try:
            window.window(area, entity, None, seen)
        except WindowError as error:
            yield Finding(session.server, "problem", str(error), _unblocking(session, seen, login))
            break
    else:
        yield Finding(session.server, "ok", f"{area.area}: a safe upper bound is known")
    found = catalog.tables(session, [entity.source_name for entity in area.entities.values()])
    for entity in area.entities.values():
        if entity.source_name not in found:
            yield Finding(
                session.server,
                "problem",
                f"{area.area}.{entity.name}: the table {entity.source} does not exist",
                f"Create it, or correct `source` in sql/{area.area}/area.yml.{whereabouts}",
            )
        else:
            yield from _table(session, area, entity, login, seen.clock)


def _unblocking(session: Session, seen: Activity, login: Login) -> str:
    """Say how a safe upper bound becomes known. A standby never knows one."""
    if seen.is_standby:
        return f"Point {dsn_variable(session.server)} to the primary."
    if seen.late:
        return (
            f"Point {dsn_variable(session.server)} to where the rows are written, or set `settle`."
        )
    if not seen.sees_all_sessions:
        return f"grant pg_read_all_stats to {login.name};"
    if seen.hidden_sessions:
        return "select pid, usename from pg_stat_activity where state = 'disabled';"
    return " ".join(
        f"rollback prepared {quoted};"
        for *_, quoted in session.rows(db.compose("doctor", "prepared"))
    )


def _table(
    session: Session, area: Area, entity: Entity, login: Login, clock: datetime
) -> Iterator[Finding]:
    schema, table = entity.source_name
    quoted, where = db.quoted(schema, table), f"{area.area}.{entity.name}"
    may_use, may_read, kind, is_indexed, owner = session.one(
        db.compose("doctor", "source_table"),
        {"schema": schema, "table": table, "watermark": entity.watermark},
    )
    grants = [] if may_use else [f"grant usage on schema {db.quoted(schema)} to {login.name};"]
    grants += [] if may_read else [f"grant select on {quoted} to {login.name};"]
    if grants:
        what = f"{where}: the login may not read {entity.source}"
        yield Finding(session.server, "problem", what, " ".join(grants))
    elif owner and login.is_superuser:
        # What the owner has put there, as behind an index, would run with the login's rights.
        yield Finding(
            session.server,
            "warning",
            f"{where}: the login is a superuser, and what {owner} may put into {entity.source} "
            "runs with its rights. It is not read here",
            f"Let {dsn_variable(session.server)} log in as one who may read, and no more.",
        )
    elif entity.extract == "delta":
        *_, future = window.beyond(session, entity, clock)
        if future:
            yield Finding(
                session.server,
                "warning",
                f"{where}: {in_the_future(future)}",
                f"Correct {entity.watermark} there, and the clock of who writes it.",
            )
    if entity.watermark and kind in _INDEXING and not is_indexed:
        yield Finding(
            session.server,
            "warning",
            f"{where}: no index begins with {entity.watermark}, so each batch reads the whole "
            "table",
            f"{_INDEXING[kind]} on {quoted} ({db.quoted(entity.watermark)});",
        )
