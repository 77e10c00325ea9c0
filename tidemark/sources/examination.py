"""What an area can read of a PostgreSQL source: a safe upper bound, tables, grants, indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import WindowError
from tidemark.model import Finding, Table, dsn_variable, in_the_future
from tidemark.postgres import (
    compose,
    db,
    logins,
)
from tidemark.postgres.db import Session
from tidemark.postgres.logins import Login
from tidemark.sources import queries, tables, window
from tidemark.sources.window import Activity

_INDEXING = {
    "r": "create index concurrently",
    "m": "create index concurrently",
    "p": "create index",
}
"""Kinds of relations that can have an index; the partitioned one can't have it concurrently."""


def findings(
    session: Session, area: Area, marks: Mapping[str, datetime], whereabouts: str
) -> Iterator[Finding]:
    """Say what an area can read of a database, and what prevents it.

    Args:
        session: runs no code that other roles have made (`confined`).
        area: the area whose tables are examined.
        marks: entity -> high-water mark, where one is known.
        whereabouts: see `Servers.whereabouts`.
    """
    login = logins.current(session)
    behind: dict[str, Sequence[int]] = {}
    if any(entity.query for entity in area.entities.values()):
        yield from _queries(session, area, login, behind)
    seen, found = window.activity(session, area, tables.named(session, area), behind)
    yield from _bound(session, area, login, seen)
    try:
        window.refuse_set_back(area, marks, seen.clock)
    except WindowError as error:
        yield Finding(session.server, "problem", str(error))
    for entity in (one for one in area.entities.values() if not one.query):
        if entity.source_name not in found:
            yield Finding(
                session.server,
                "problem",
                f"{area.area}.{entity.name}: the table {entity.source} does not exist",
                f"Create it, or correct `source` in sql/{area.area}/area.yml.{whereabouts}",
            )
        else:
            table = found[entity.source_name]
            yield from _table(session, area, entity, login, (table, seen.clock))


def _queries(
    session: Session, area: Area, login: Login, behind: dict[str, Sequence[int]]
) -> Iterator[Finding]:
    """Say of each query whether the login can run it, and find what is behind it."""
    if login.is_superuser:
        # To plan a query runs code of what it reads, which would run as superuser.
        what = (
            f"{area.area}: the login is a superuser, and what its queries read runs with its "
            "rights. They are not run here"
        )
        remedy = f"Let {dsn_variable(session.server)} use a login that may only read."
        yield Finding(session.server, "warning", what, remedy)
        return
    asked = queries.look(session, area)
    behind.update(asked.behind)
    for problem in asked.tables.problems:
        yield Finding(session.server, "problem", str(problem))


def _bound(session: Session, area: Area, login: Login, seen: Activity) -> Iterator[Finding]:
    for entity in area.entities.values():
        try:
            window.window(area, entity, None, seen)
        except WindowError as error:
            yield Finding(session.server, "problem", str(error), _unblocking(session, seen, login))
            break
    else:
        yield Finding(session.server, "ok", f"{area.area}: a safe upper bound is known")


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
        for (quoted,) in session.rows(compose.statement(__name__, "prepared"))
    )


def _future(session: Session, area: Area, entity: Entity, table: Table, clock: datetime) -> int:
    watermark = tables.watermark(area, entity, table)
    assert watermark is not None, "windows are of a watermark"
    relations = {entity.name: db.name(*entity.source_name)}
    watermarks = {entity.name: watermark}
    return window.future(session, [entity], clock, watermarks, relations).get(entity.name, 0)


def _table(
    session: Session, area: Area, entity: Entity, login: Login, shown: tuple[Table, datetime]
) -> Iterator[Finding]:
    schema, table = entity.source_name
    quoted, where = db.quoted(schema, table), f"{area.area}.{entity.name}"
    may_use, may_read, kind, is_indexed, owner = session.one(
        compose.statement(__name__, "table"),
        {"schema": schema, "table": table, "watermark": entity.watermark},
    )
    grants = [] if may_use else [f"grant usage on schema {db.quoted(schema)} to {login.name};"]
    grants += [] if may_read else [f"grant select on {quoted} to {login.name};"]
    if grants:
        what = f"{where}: the login may not read {entity.source}"
        yield Finding(session.server, "problem", what, " ".join(grants))
    elif owner and login.is_superuser:
        # Code that the owner has put there, such as an index expression, would run as superuser.
        yield Finding(
            session.server,
            "warning",
            f"{where}: the login is a superuser, and what {owner} may put into {entity.source} "
            "runs with its rights. It is not read here",
            f"Let {dsn_variable(session.server)} use a login that may only read.",
        )
    elif entity.extract == "delta":
        future = _future(session, area, entity, *shown)
        if future:
            yield Finding(
                session.server,
                "warning",
                f"{where}: {in_the_future(future)}",
                f"Correct {entity.watermark} there, and the clock of the application that sets it.",
            )
    if entity.watermark and kind in _INDEXING and not is_indexed:
        yield Finding(
            session.server,
            "warning",
            f"{where}: no index begins with {entity.watermark}, so each batch reads the whole "
            "table",
            f"{_INDEXING[kind]} on {quoted} ({db.quoted(entity.watermark)});",
        )
