"""Examine servers, privileges and disks; say what is missing and how to mend it. Writes nothing."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from tidemark import sources
from tidemark.batch import agreement, notify
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import MigrationError, TidemarkError
from tidemark.install import migrate, rights
from tidemark.layers import inbox, ledger
from tidemark.model import (
    ETL_ROLE,
    LAYERS,
    Finding,
    Position,
    Positions,
    ServerName,
    dsn_variable,
    is_source,
)
from tidemark.observe import workers
from tidemark.postgres import (
    compose,
    confined,
    db,
    logins,
    sessions,
)
from tidemark.postgres.db import Session
from tidemark.postgres.logins import Login
from tidemark.postgres.sessions import Servers
from tidemark.sources import Examinable

_CLOCK_TOLERANCE = 5.0
_LEAST_SPACE = 1 << 30
_MIGRATE = "tidemark migrate"
_SHOWN = 4
"""How many statements of one kind are printed. For more, the remedy is `tidemark migrate`."""


def examine(project: Project, servers: Servers) -> list[Finding]:
    """Examine every server. A problem is a finding, and does not end the examination."""
    findings: list[Finding] = []
    for server in project.servers:
        findings += _examine(project, servers, server)
    # Where there is something to migrate, contracts would say no more than that.
    is_migrated = all(finding.remedy != _MIGRATE for finding in findings)
    for area in project.areas.values():
        if not area.database:
            findings += _source(servers, area)
        findings += _lost(servers, area)
        told = _disagreements(servers, area) if is_migrated else ()
        findings += [one for one in told if one not in findings]
    if is_migrated:
        findings += [*_untaken(project, servers), *_untold(servers)]
    return findings


def _untaken(project: Project, servers: Servers) -> Iterator[Finding]:
    """Say of which areas events wait that the project does not take, as after an area has gone."""
    taking = {area.area for area in project.areas.values() if area.has_inbox}
    with suppress(TidemarkError), servers.session("mrr", "doctor") as mrr:
        for name in sorted(inbox.waiting(mrr) - taking):
            yield Finding(
                "mrr",
                "warning",
                f"events of {name!r} wait in the inbox, and no area of this name takes events",
                f"Put sql/{name}/area.yml back, and run the area. If nobody needs them: "
                f"delete from tidemark.inbox where batch_id is null and area = {name!r};",
            )


def _untold(servers: Servers) -> Iterator[Finding]:
    """Say which channels do not take alerts."""
    with suppress(TidemarkError), _reading(servers, "dwh") as dwh:
        for one in notify.untold(dwh):
            yield Finding("dwh", "warning", f"alerts: {one}", "tidemark alert --test")


def _disagreements(servers: Servers, area: Area) -> Iterator[Finding]:
    """Say all that stops a run of an area, since its tables and area.yml disagree."""
    with suppress(TidemarkError):  # A server that can't be read is a finding already.
        if any(entity.query for entity in area.entities.values()):
            with _reading(servers, area.source.name) as source:
                if logins.current(source).is_superuser:  # See `Examinable.examine`.
                    return
        for problem in agreement.problems(servers, area):
            # That a source lacks a table is said by its examination, with the remedy.
            if not (problem.is_missing and is_source(problem.server)):
                yield Finding(problem.server, "problem", str(problem))


def _lost(servers: Servers, area: Area) -> Iterator[Finding]:
    """Compare which batches neighbouring layers have applied, if both can be read."""
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


def _source(servers: Servers, area: Area) -> Iterator[Finding]:
    """Let the source say what is wrong with it, if its kind can."""
    source = sources.of(servers, area)
    if isinstance(source, Examinable):
        yield from source.examine(area.sourced, _positions(servers, area))


def _positions(servers: Servers, area: Area) -> Positions | None:
    """Read how far the source was read; None: MRR can't be read now."""
    columns = ("area", "entity", "item", "position")
    found: dict[str, dict[str, Position]] = {}
    with suppress(TidemarkError), _reading(servers, "mrr") as mrr:
        for name, entity, item, at in confined.read(mrr, ("tidemark", "source_position"), columns):
            if name == area.area:
                found.setdefault(entity, {})[item] = json.loads(at)
        return found
    return None


@contextmanager
def _reading(servers: Servers, server: ServerName) -> Iterator[Session]:
    """Open a session for catalogs and COPY, which run no code that other roles have made."""
    session = sessions.connect(servers.dsns[server], server, purpose="doctor", as_etl=False)
    with closing(session):
        if not is_source(server):
            session.run(db.become(ETL_ROLE))
        yield session


def _examine(project: Project, servers: Servers, server: ServerName) -> Iterator[Finding]:
    try:
        session = sessions.connect(servers.dsns[server], server, purpose="doctor", as_etl=False)
    except TidemarkError as error:
        yield Finding(server, "problem", str(error))
        return
    try:
        yield from _about(session)
        login = logins.current(session)
        if not is_source(server):
            yield from _rights(project, session, login)
        yield from _migrations(project, session)
        yield from _space(session)
        yield from _prepared(session)
        if not is_source(server):
            yield from _letters(session)
        if server == "dwh":
            yield from _analysts(session)
            yield from workers.examine(session, [*project.areas.values()])
        for area in project.reading(server):
            yield from _source(servers, area)
    except TidemarkError as error:
        yield Finding(server, "problem", str(error))
    finally:
        session.close()


def _about(session: Session) -> Iterator[Finding]:
    """Say what the server is, and who is logged in."""
    session.run(compose.statement(__name__, "reset_zone"))
    asked = time.time()
    version, zone, encoding, login, clock = session.one(compose.statement(__name__, "about"))
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
    """Compare roles, owners and grants with those that `migrate` makes; warn of wide rights."""
    # Before the first migration everything is missing. `migrate` makes it all, if the login may.
    if login.is_migrated or not login.may_migrate:
        ours = migrate.wanted(project, session.server)
        found = [each for each in rights.amiss(session, ours) if not ours.judges(each)]
        for kind in dict.fromkeys(each.kind for each in found):
            some = [each for each in found if each.kind == kind]
            more = f", and {len(some) - 1} more of this kind" if some[1:] else ""
            remedy = " ".join(each.statement for each in some[:_SHOWN])
            remedy = remedy if len(some) <= _SHOWN else _MIGRATE
            yield Finding(session.server, "problem", f"{some[0].what}{more}", remedy)
    for role in session.rows(compose.statement(__name__, "writers")) if login.is_superuser else ():
        yield Finding(
            session.server,
            "warning",
            f"the login is a superuser, and what {role[0]} may put there runs with its rights",
            f"Let {dsn_variable(session.server)} log in as {role[0]}, but for `migrate`.",
        )
    if session.value(compose.statement(__name__, "all_may_create")):
        yield Finding(
            session.server,
            "warning",
            "everybody may create in schema public, where the pipeline finds what it calls",
            "revoke create on schema public from public;",
        )


def _migrations(project: Project, session: Session) -> Iterator[Finding]:
    # Only the login that migrates, and tidemark_etl in a layer, may read which files are applied.
    if not session.value(compose.statement(__name__, "may_read_migrations")):
        return
    # In a source without a sample application nothing is ever applied.
    if is_source(session.server) and not session.value(compose.statement(__name__, "is_migrated")):
        return
    try:
        unapplied = migrate.unapplied(project, session)
    except MigrationError as error:
        yield Finding(session.server, "problem", str(error))
        return
    if unapplied:
        yield Finding(
            session.server,
            "problem",
            f"{len(unapplied)} files of sql/ are not applied, the first is {unapplied[0]}",
            _MIGRATE,
        )
    else:
        yield Finding(session.server, "ok", "sql/ is applied")


def _space(session: Session) -> Iterator[Finding]:
    size, path, is_local = session.one(compose.statement(__name__, "space"))
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
    for gid, owner, age, quoted in session.rows(compose.statement(__name__, "prepared")):
        yield Finding(
            session.server,
            "warning",
            f"the prepared transaction {gid!r} of {owner} is open for {age:.0f} s: it keeps its "
            "locks, and vacuum from its work",
            f"rollback prepared {quoted}; -- or: commit prepared {quoted};",
        )


def _analysts(session: Session) -> Iterator[Finding]:
    """Look for settings that let analysts hold up the pipeline, or each other."""
    if session.value(compose.statement(__name__, "has_analysts")):
        for what, remedy in session.rows(compose.statement(__name__, "analysts")):
            yield Finding(session.server, "warning", what, remedy)


def _letters(session: Session) -> Iterator[Finding]:
    """Examine whether the database can store letters beyond ASCII, and change their case."""
    copy, encoding, changes_case = session.one(compose.statement(__name__, "letters"))
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
