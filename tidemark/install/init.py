"""Write an area for a database, as far as its catalog tells what belongs into it.

Nothing is written to the source, and its URL to no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from tidemark.declare import project as projects
from tidemark.declare import yamlfiles
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.declare.scalars import TAKEN, TAKEN_SCHEMAS
from tidemark.errors import ConfigError
from tidemark.install.propose import (
    catalog,
    entities,
    proposal,
    remarks,
    tables,
    text,
    views,
    words,
)
from tidemark.install.propose.catalog import Catalog, SourceTable
from tidemark.install.propose.draft import Dimension, Entity, Fact, Guess, Placed, Proposal
from tidemark.model import QualifiedName, ServerName
from tidemark.postgres import driver_errors, sessions

_LONGEST = 20
"""Letters of a database's name that an area takes."""
_NO_AREAS = {*TAKEN, *TAKEN_SCHEMAS, "platform", "landing", "public"}
"""Names of folders and schemas that are there already."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tables of a source a person asks for; all, if nothing is named."""

    schemas: Sequence[str] = ()
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what a person has to know about it."""

    area: str
    source: ServerName
    files: tuple[str, ...]
    """Paths below the project's folder."""
    dimensions: int
    facts: int
    left_out: tuple[str, ...]
    unknown: tuple[str, ...]
    lacking: tuple[str, ...]
    """Statements for the source."""


def home() -> Path:
    """Return the project's folder: that of the project, or the one in which it begins."""
    try:
        return projects.find_project().home
    except ConfigError:
        return Path(os.environ.get("TIDEMARK_HOME") or Path.cwd()).resolve()


def new(folder: Path, url: str, area: str | None, scope: Scope) -> Written:
    """Write a new area.

    Args:
        folder: of the project.
        url: of the database.
        area: its name; None: that of the database.
        scope: which tables.

    Raises:
        ConfigError: the area is there, or nothing of the database can be followed.
        ConnectError: the database can't be reached.
        UnknownNameError: the scope names what is not there.
    """
    name = area or _area_of(url)
    if (folder / "sql" / name / "area.yml").exists():
        raise ConfigError(
            f"init: sql/{name}/area.yml is there already. Add tables to it with `--add TABLE`, or "
            "name another area with `--area`."
        )
    if area in _NO_AREAS:
        raise ConfigError(f"init: an area can't be called {area!r}. Choose another name.")
    source = _source_of(folder, name)
    found = _read(url, source)
    wanted = entities.chosen(
        found, schemas=scope.schemas, include=scope.include, exclude=scope.exclude
    )
    proposed = proposal.make(found, wanted, area=name, source=source)
    _refuse_empty(proposed, wanted)
    files = {
        "dwh/01_star.sql": tables.star(proposed),
        **views.all_of(proposed),
        "area.yml": text.area(proposed),
    }
    _check(files["area.yml"], name)
    return _written(folder, files, proposed, found, wanted)


def add(folder: Path, url: str, area: str | None, table: str) -> Written:
    """Add a table to an area that is there.

    Raises:
        ConfigError: the area has the table already, or the table can't be followed.
        ConnectError: the database can't be reached.
        UnknownNameError: there is no such area, or no such table.
    """
    there = Project(folder).area(area or (None if _is_alone(folder) else _area_of(url)))
    found = _read(url, there.source.name)
    wanted = entities.chosen(found, include=[table])
    known = _known(there, found)
    proposed = proposal.make(
        found,
        wanted,
        area=there.area,
        source=there.source.name,
        known=known,
        taken=there.entities,
    )
    proposed = replace(
        proposed,
        schema=there.schema_name,
        landing=there.landing_schema,
        detects=there.deletes == "detect",
    )
    if not (proposed.entities or proposed.left_out):
        raise ConfigError(
            f"init: {there.area} has {table} already. Edit sql/{there.area}/area.yml."
        )
    _refuse_empty(proposed, wanted)
    path = folder / "sql" / there.area / "area.yml"
    added = text.entities(proposed)
    files = {
        _next_file(path.parent / "dwh", proposed.entities[0].name): tables.statements(proposed),
        **views.all_of(proposed),
        "area.yml": _with_entities(path.read_text("utf-8"), added, there.area),
    }
    _check(files["area.yml"], there.area)
    return _written(folder, files, proposed, found, wanted)


def _is_alone(folder: Path) -> bool:
    return len(Project(folder).areas) == 1


def _area_of(url: str) -> str:
    database = driver_errors.must_parse(url, "source").get("dbname", "source")
    name = words.plain(database)[:_LONGEST].rstrip("_")
    return f"{name}_db" if name in _NO_AREAS else name


def _source_of(folder: Path, area: str) -> ServerName:
    """Name the source after the area, unless the project has a server of that name."""
    return entities.free(area if area not in TAKEN else f"{area}_db", Project(folder).sources)


def _read(url: str, source: ServerName) -> Catalog:
    with closing(sessions.connect(url, source, purpose="init", as_etl=False)) as session:
        return catalog.read(session)


def _refuse_empty(proposed: Proposal, wanted: Sequence[SourceTable]) -> None:
    if proposed.entities:
        return
    why = "; ".join(remarks.left_out(proposed)) or "it has no tables"
    raise ConfigError(
        f"init: nothing of the {len(wanted)} tables can be followed, and nothing was written: "
        f"{why}."
    )


def _check(declared: str, area: str) -> None:
    """Refuse an area.yml that could not be read; ConfigError names the key."""
    where = f"sql/{area}/area.yml"
    yamlfiles.validated(yamlfiles.loaded(declared, where), where, Area)


def _written(
    folder: Path,
    files: Mapping[str, str],
    proposed: Proposal,
    found: Catalog,
    wanted: Sequence[SourceTable],
) -> Written:
    """Write the files, area.yml last: before, there is no area."""
    for path, content in files.items():
        file = folder / "sql" / proposed.area / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    stars = [one.star for one in proposed.entities]
    return Written(
        area=proposed.area,
        source=proposed.source,
        files=tuple(f"sql/{proposed.area}/{path}" for path in files),
        dimensions=sum(isinstance(star, Dimension) for star in stars),
        facts=sum(isinstance(star, Fact) for star in stars),
        left_out=tuple(remarks.left_out(proposed)),
        unknown=tuple(remarks.unknown(proposed, found)),
        lacking=tuple(remarks.lacking(proposed, found, wanted)),
    )


def _known(area: Area, found: Catalog) -> dict[QualifiedName, Placed]:
    """Return what an area has, as far as it decides what a new entity refers to."""
    known = {}
    for one in area.entities.values():
        table = found.tables.get(one.source_name)
        if table is None:
            continue
        stamp = Guess(one.watermark) if one.watermark else None
        unread = dict.fromkeys(one.leave_out, "")
        entity = Entity(one.name, table, Guess(", ".join(one.key)), one.key, stamp, unread)
        star: Dimension | Fact = Fact(Guess(""), {}, {}, ())
        if one.dimension:
            star = Dimension(one.dimension.surrogate_key, (), ())
        known[table.name] = Placed(entity, star, "")
    return known


def _next_file(folder: Path, entity: str) -> str:
    numbers = [int(path.name[:2]) for path in folder.glob("[0-9][0-9]_*.sql")]
    return f"dwh/{max(numbers, default=0) + 1:02}_{entity}.sql"


def _with_entities(written: str, added: str, area: str) -> str:
    """Put entities behind those that area.yml has, and leave all else as it is.

    Raises:
        ConfigError: the entities are not in lines of their own.
    """
    found = next(_nodes(written, "entities"), None)
    if not isinstance(found, yaml.MappingNode) or found.flow_style:
        raise ConfigError(
            f"sql/{area}/area.yml: the entities are not in lines of their own, so none can be "
            f"added. Add this yourself:\n{added}"
        )
    lines = written.splitlines(keepends=True)
    end = found.end_mark.line if found.end_mark.column == 0 else len(lines)
    while end > 0 and not lines[end - 1].split("#")[0].strip():
        end -= 1
    indent = " " * found.start_mark.column
    moved = "".join(
        indent + line.removeprefix("  ") if line.strip() else line
        for line in added.splitlines(keepends=True)
    )
    before = "".join(lines[:end])
    return f"{before}{'' if before.endswith(chr(10)) else chr(10)}\n{moved}{''.join(lines[end:])}"


def _nodes(written: str, key: str) -> Iterator[yaml.Node]:
    root = yaml.compose(written, Loader=yaml.SafeLoader)
    for name, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if name.value == key:
            yield value
