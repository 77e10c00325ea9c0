"""The project: a folder with `sql/`, and the areas that it declares there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tidemark.declare import sharing, yamlfiles
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.settings import NO_SETTINGS, Settings
from tidemark.errors import AmbiguousNameError, ConfigError, UnknownNameError
from tidemark.model import LAYERS, Layer, ServerName, label

_NO_AREAS: Mapping[str, Area] = MappingProxyType({})


class Project:
    """A folder with `sql/`: the areas that it declares and the servers that it uses."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def sql(self) -> Path:
        """The folder with one folder per area."""
        return self.home / "sql"

    @property
    def platform(self) -> Path:
        """The folder with Tidemark's own SQL: `sql/platform`, else the copy in the package.

        An installed package has its copy inside, a checkout beside it.
        """
        own = self.sql / "platform"
        copies = (folder / "sql" / "platform" for folder in Path(__file__).parents[1:3])
        return own if own.is_dir() else next(filter(Path.is_dir, copies), own)

    @cached_property
    def settings(self) -> Settings:
        """Settings for all areas; ConfigError names file, key and what is wrong."""
        path = self.sql / "project.yml"
        if not path.exists():
            return NO_SETTINGS
        where = "sql/project.yml"
        return yamlfiles.validated(yamlfiles.parsed(path, where) or {}, where, Settings)

    @cached_property
    def areas(self) -> dict[str, Area]:
        """Every area, by name, each behind those whose dimensions it uses.

        Raises:
            ConfigError: names file, key and what is wrong.
        """
        files = sorted(self.sql.glob("*/area.yml"))
        found: dict[str, Area] = {}
        for path in files:
            found[path.parent.name] = load_area(path, self.settings, areas=found)
        _schemas_have_one_use(found)
        _names_are_unique(found)
        _default_is_there(self.settings, found)
        return sharing.ordered(found)

    @cached_property
    def sources(self) -> tuple[ServerName, ...]:
        """The databases that are sources of areas, by name; areas may share one."""
        named = (area.database.name for area in self.areas.values() if area.database)
        return tuple(dict.fromkeys(named))

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """The sources and the layers, in the order in which data passes them."""
        return (*self.sources, *LAYERS)

    def reading(self, source: ServerName) -> list[Area]:
        """Return the areas that read a source."""
        return [area for area in self.areas.values() if area.source.name == source]

    def area(self, name: str | None = None) -> Area:
        """Return one area by name, else the default one, or the only one there is.

        Raises:
            UnknownNameError: there is none of this name.
            ConfigError: no name is given, and there are several areas without a default.
        """
        name = name or self.settings.default_area
        if name is None:
            if len(self.areas) == 1:
                return next(iter(self.areas.values()))
            choices = ", ".join(sorted(self.areas))
            raise ConfigError(f"area: none is given, and there are several. Name one of {choices}.")
        if name not in self.areas:
            raise UnknownNameError("area", name, self.areas)
        return self.areas[name]

    def scope(
        self, area: str | None, entities: Collection[str] = ()
    ) -> tuple[Area, tuple[Entity, ...]]:
        """Return the area that a person means, and those of its entities that are named.

        Args:
            area: its name; None: that of the entities, the default, or the only one there is.
            entities: each ENTITY or AREA.ENTITY.

        Raises:
            UnknownNameError, AmbiguousNameError: see `entity`; or they are of several areas.
        """
        if area is None and entities:
            area = self.entity(next(iter(entities)))[0].area
        wanted = self.area(area)
        return wanted, tuple(wanted.entity(name) for name in entities)

    def entity(self, name: str, *, area: str | None = None) -> tuple[Area, Entity]:
        """Find an entity by AREA.ENTITY, or by ENTITY if only one area has it, or the default one.

        Args:
            name: what a person wrote.
            area: an ENTITY is looked for here first; None: in all areas.

        Raises:
            UnknownNameError: there is none.
            AmbiguousNameError: several areas have one.
        """
        if area is not None and name in self.area(area).entities:
            return self.area(area), self.area(area).entity(name)
        every = [
            _Spelled(one, entity, (entity.name,))
            for one in self.areas.values()
            for entity in one.entities.values()
        ]
        return _meant("entity", name, every, self.settings.default_area)

    def dimension(self, name: str) -> tuple[Area, Entity]:
        """Find a dimension by its entity, or by its table, with or without the schema.

        Raises:
            UnknownNameError, AmbiguousNameError: see `entity`.
        """
        every = [
            _Spelled(area, entity, (entity.name, label(table)), table[1])
            for area in self.areas.values()
            for entity in area.dimensions
            if (table := entity.table("dwh"))
        ]
        return _meant("dimension", name, every, self.settings.default_area)


@dataclass(frozen=True, slots=True)
class _Spelled:
    """An entity, and the names that a person may use for it besides AREA.ENTITY."""

    area: Area
    entity: Entity
    names: tuple[str, ...]
    table: str = ""
    """Its table without the schema. It is used only if nothing else has that name."""

    @property
    def full(self) -> str:
        """The name that is unique among all areas."""
        return f"{self.area.area}.{self.entity.name}"


def _meant(
    kind: str, name: str, every: Sequence[_Spelled], default: str | None
) -> tuple[Area, Entity]:
    # The strictest reading wins, so that a name that is enough today stays so when another area
    # gets a table of that name.
    ranked = (
        [one for one in every if name == one.full],
        [one for one in every if name in one.names],
        [one for one in every if name == one.table],
    )
    found = next(filter(None, ranked), [])
    if len(found) > 1:
        found = [one for one in found if one.area.area == default] or found
    if len(found) > 1:
        raise AmbiguousNameError(kind, name, [one.full for one in found])
    if not found:
        known = {each for one in every for each in one.names}
        if len({one.area.area for one in every}) > 1:
            known.update(one.full for one in every)
        raise UnknownNameError(kind, name, known)
    return found[0].area, found[0].entity


def find_project(start: Path | None = None) -> Project:
    """Find the project: `TIDEMARK_HOME`, or the nearest folder upwards that has `sql/*/area.yml`.

    Raises:
        ConfigError: there is none.
    """
    configured = os.environ.get("TIDEMARK_HOME")
    here = (Path(configured) if configured else start or Path.cwd()).resolve()
    for folder in (here,) if configured else (here, *here.parents):
        if any((folder / "sql").glob("*/area.yml")):
            return Project(folder)
    raise ConfigError(
        f"{here}: no folder here or above has sql/<area>/area.yml. "
        "Change into a Tidemark project, or set TIDEMARK_HOME."
    )


def load_area(
    path: Path, settings: Settings = NO_SETTINGS, *, areas: Mapping[str, Area] = _NO_AREAS
) -> Area:
    """Read one `area.yml`, for a project with these areas.

    Raises:
        ConfigError: names the file, the key and what is wrong.
    """
    where = "/".join(path.parts[-3:])
    declared = yamlfiles.parsed(path, where)
    if isinstance(declared, dict) and "calendar" in declared:
        raise ConfigError(
            f"{where}: calendar: it is one for all areas, as the date dimension is. "
            "Move it to sql/project.yml."
        )
    area = yamlfiles.validated(declared, where, Area)
    if area.area != path.parent.name:
        raise ConfigError(
            f"{where}: area is {area.area!r}, but the folder is {path.parent.name!r}. "
            "Give both the same name."
        )
    return area.under(settings, path.parent, areas)


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of `area.yml` and `project.yml`, for editors."""
    return {"area": Area.model_json_schema(), "project": Settings.model_json_schema()}


def _schemas_have_one_use(areas: Mapping[str, Area]) -> None:
    """Refuse a landing schema that analysts read: they would see rows before their batch."""
    shown = {area.schema_name: area.area for area in areas.values()}
    for area in areas.values():
        if other := shown.get(area.landing_schema):
            raise ConfigError(
                f"sql/{area.area}/area.yml: landing_schema {area.landing_schema!r} of {area.area} "
                f"is the schema of {other}. Give one of them another name."
            )


def _default_is_there(settings: Settings, areas: Mapping[str, Area]) -> None:
    if settings.default_area is not None and settings.default_area not in areas:
        raise UnknownNameError(
            "sql/project.yml: default_area: area", settings.default_area, sorted(areas)
        )


def _names_are_unique(areas: Mapping[str, Area]) -> None:
    """Refuse two that would share a table, or a table that is derived from one."""
    seen: dict[tuple[str, str], str] = {}
    for area in areas.values():
        for name, kind, value in _tables(area):
            owner = f"{area.area}.{name}"
            other = seen.setdefault((kind, value), owner)
            if other != owner:
                raise ConfigError(
                    f"sql/{area.area}/area.yml: {kind} {value!r} of {owner} is already that of "
                    f"{other}. Give one of them another name."
                )


def _tables(area: Area) -> Iterator[tuple[str, str, str]]:
    """Yield what no two entities or aggregates may share: name, kind and value."""
    for entity in area.entities.values():
        yield from ((entity.name, kind, value) for kind, value in _tables_of(area, entity))
    for name in area.aggregates:
        yield name, "dwh", label((area.schema_name, name))
        # Work tables of an aggregate bear its name, and lie in the landing schema.
        yield name, "landing", label((area.landing_schema, name))


def _tables_of(area: Area, entity: Entity) -> Iterator[tuple[str, str]]:
    """Yield the landing table, views, tables and histories of an entity."""
    yield from (("landing", label(table)) for table in (entity.landing, entity.view))
    if entity in area.inputs:
        yield "landing", label(entity.live_view)
    if entity.is_derived:
        yield "landing", label(entity.deriving_view)
    layers: tuple[Layer, ...] = ("stg",) if entity.is_derived else ("mrr", "stg")
    for layer in layers:
        schema, table = entity.table(layer)
        yield from ((layer, label((schema, name))) for name in (table, f"{table}_history"))
        # Work tables of a mirror bear its name, and lie in the landing schema.
        yield f"work table of {layer}", label((entity.landing[0], table))
    if entity.dwh:
        yield "dwh", label(entity.table("dwh"))
    if entity.at_view:
        yield "dwh", label(entity.at_view)
