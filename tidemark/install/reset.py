"""Take an area out of the warehouse, so that it can begin anew: its tables, positions and marks.

A layer is reset in one transaction, the DWH first: what it has can be derived from the layers
before it. Killed in between, a second reset finishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import MigrationError, UsageError
from tidemark.install import files, presence
from tidemark.install.files import SqlFile
from tidemark.install.rights import Named
from tidemark.layers import mirror
from tidemark.model import ETL_ROLE, LAYERS, Layer, QualifiedName, label
from tidemark.postgres import catalog, compose, db, locks, sqlfiles
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.star import scd2

_KEPT = {"alert", "dq_check_logs", "etl_batches", "etl_logs", "inbox"}
"""What was done stays told, and what applications posted has no other place."""


@dataclass(frozen=True, slots=True)
class Going:
    """An object that goes."""

    catalog: str
    id: int
    word: str
    """Its kind, as `drop` spells it."""
    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that was dropped, as a result."""

    layer: Layer
    kind: str
    name: str


def behind(named: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers to reset, the DWH first; all without a name.

    Raises:
        UsageError: one is named, and one behind it is not: that has its rows from it.
    """
    wanted = [layer for layer in LAYERS if layer in named] or [*LAYERS]
    missing = [layer for layer in LAYERS[LAYERS.index(wanted[0]) :] if layer not in wanted]
    if missing:
        raise UsageError(
            f"reset: {missing[0]} has its rows from the layers before it. Name it as well: "
            f"--layers {','.join(LAYERS[LAYERS.index(wanted[0]) :])}."
        )
    return tuple(reversed(wanted))


def find(servers: Servers, project: Project, area: Area, layer: Layer) -> list[Going]:
    """Find what a reset of an area drops in a layer.

    Raises:
        MigrationError: something among it is not Tidemark's, or something else depends on it; or
            facts of another area point at one of its dimensions.
    """
    with servers.session(layer, f"reset {area.area}") as session:
        return _found(session, project, area, layer)


def _refuse_used(session: Session, area: Area) -> None:
    """Refuse to drop dimensions that facts of other areas point at."""
    lent = list(sharing.lent(area))
    there = catalog.tables(session, [use.entity.table("dwh") for use in lent])
    for use in lent:
        if use.entity.table("dwh") in there:
            raise MigrationError(
                f"dwh: {area.area} can't be reset: facts of {label(use.entity.table('dwh'))} of "
                f"{use.area.area} point at its dimension {label(use.dimension.table('dwh'))}. Run "
                f"`tidemark reset {use.area.area}` first."
            )


def run(servers: Servers, project: Project, area: Area, layers: Iterable[Layer]) -> list[Gone]:
    """Reset an area in these layers, in their order.

    Returns:
        What was dropped.

    Raises:
        LockedError: another process works on the area.
        MigrationError: see `find`. The layer is as it was.
    """
    gone: list[Gone] = []
    with servers.session("dwh", f"reset {area.area}") as dwh:
        locks.hold(dwh, area.area, "nothing was done")
        try:
            for layer in layers:
                with servers.session(layer, f"reset {area.area}") as session, session.transaction():
                    locks.drawing(session, area.area)
                    dropped = _reset(session, project, area, layer)
                gone += [Gone(layer, one.word, one.name) for one in dropped]
        finally:
            dwh.run("rollback")
    return gone


def _reset(session: Session, project: Project, area: Area, layer: Layer) -> list[Going]:
    for one in _found(session, project, area, layer):
        if one.word == "table":
            # From here on nobody can make a view of it, so nothing else goes with it.
            session.run(compose.statement(__name__, "lock", table=db.raw(one.name)))
    going = _found(session, project, area, layer)
    for one in going:
        which = {"word": db.raw(one.word), "name": db.raw(one.name)}
        session.run(compose.statement(__name__, "drop", **which))
    for table, column, values in _forgotten(session, project, area, layer):
        parts = {"table": db.name(*table), "column": db.name(column)}
        session.run(compose.statement(__name__, "forget", **parts), {"values": values})
    if layer == "mrr":
        session.run(compose.statement(__name__, "give_back"), {"area": area.area})
    session.run(compose.statement(__name__, "forget_files"), {"folder": f"{area.area}/"})
    return going


def _found(session: Session, project: Project, area: Area, layer: Layer) -> list[Going]:
    if layer == "dwh":
        _refuse_used(session, area)
    names = sorted(_named(project, area, layer))
    own = {name for one in area.entities.values() for name in (one.name, one.mrr, one.stg, one.dwh)}
    own |= {*area.aggregates}
    which = {
        "kinds": [kind for kind, *_ in names],
        "schemas": [schema for _, schema, _ in names],
        "names": [name for *_, name in names],
        "landing": area.landing_schema,
        "prefixes": sorted(filter(None, own)),
    }
    found = [Going(*row) for row in session.rows(sqlfiles.statement(__name__, "found"), which)]
    theirs = [f"{one.word} {one.name} of {one.owner}" for one in found if one.owner != ETL_ROLE]
    ids = {"catalogs": [one.catalog for one in found], "ids": [one.id for one in found]}
    others = session.rows(sqlfiles.statement(__name__, "depending"), ids)
    theirs += [f"{what}, which depends on it" for (what,) in others]
    if theirs:
        raise MigrationError(
            f"{layer}: {area.area} can't be reset: {'; '.join(theirs)} would go too, and is not "
            f"its own. Drop it first, and run `tidemark reset {area.area}` again."
        )
    return found


def _named(project: Project, area: Area, layer: Layer) -> set[Named]:
    """Return what an area's files and area.yml name in a layer, and no other area's files make."""
    every = list(files.of(project, layer))
    own = presence.expected(_statements(file for file in every if file.area == area.area))
    others = presence.expected(_statements(file for file in every if file.area != area.area))
    places: list[QualifiedName] = []
    for entity in area.entities.values():
        places += [entity.landing, entity.view, entity.deriving_view, entity.live_view]
        if layer == "stg" or (layer == "mrr" and not entity.is_derived):
            places += mirror.bare(entity, layer).tables
        elif layer == "dwh" and entity.dwh:
            places += [entity.table("dwh"), scd2.confirmed_of(entity.table("dwh"))]
            places += [entity.at_view] if entity.at_view else []
    if layer == "dwh":
        places += [(area.schema_name, name) for name in area.aggregates]
    return {*own, *(("relation", *place) for place in places)} - others.keys()


def _statements(some: Iterable[SqlFile]) -> list[tuple[str, str]]:
    return [(file.path, statement) for file in some for statement in sqlfiles.split(file.text)]


def _forgotten(
    session: Session, project: Project, area: Area, layer: Layer
) -> list[tuple[QualifiedName, str, list[str]]]:
    """Return where the layer keeps something of an area: table, column, and its values."""
    every = files.of(project, layer)
    platform = (file for file in every if file.area == "platform" and not file.is_view)
    places = [(s, name) for kind, s, name in presence.expected(_statements(platform))]
    found = catalog.tables(session, [place for place in places if place[1] not in _KEPT])
    kept = [(place, "area", [area.area]) for place, one in found.items() if "area" in one.names]
    if layer == "dwh":
        tables = [label(one.table("dwh")) for one in area.entities.values() if one.dwh]
        kept.append((("tidemark", "added_column"), "dimension", tables))
        kept.append((("tidemark", "published_fact"), "table_name", tables))
    return kept
