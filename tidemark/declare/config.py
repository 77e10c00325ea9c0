"""What the user declares: `sql/<area>/area.yml` of each area, and `sql/project.yml` for all.

Declarations are frozen pydantic models with `extra="forbid"`; a misspelt key is refused with the
nearest one that exists. Columns and types are not declared: `catalog` reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from tidemark.declare import distributing, posted, reading
from tidemark.declare.aggregate import DeclaredAggregate
from tidemark.declare.answers import Answers
from tidemark.declare.check import Placed, placed
from tidemark.declare.check_kinds import Checks, Query, Relationships
from tidemark.declare.declaration import Declaration
from tidemark.declare.entity import Entity
from tidemark.declare.origins import Source
from tidemark.declare.posted import Inbox
from tidemark.declare.reading import Files
from tidemark.declare.scalars import (
    LONGEST_NAME,
    Duration,
    LandingSchema,
    PlainName,
    TablesSchema,
)
from tidemark.declare.schedules import Schedule
from tidemark.declare.settings import (
    NO_RETENTION,
    NO_SETTINGS,
    OF_AN_INBOX,
    Alerts,
    Calendar,
    Monitor,
    Postgres,
    Retention,
    Settings,
)
from tidemark.declare.star import Role
from tidemark.errors import UnknownNameError, did_you_mean
from tidemark.model import LAYERS, label


class Area(Declaration):
    """One subject area: a source, its entities, their SQL."""

    area: PlainName
    description: str = ""
    schema_name: TablesSchema = Field(default="public", alias="schema")
    """Schema of the area's tables in MRR, STG and the DWH."""
    landing_schema: LandingSchema = ""
    """Schema of landing tables, cleansing views and work tables; by default `landing_<area>`."""
    source: Source = Postgres()
    distribution: Literal["none", "citus"] = "none"
    """Where the tables of its star lie: on one server, or on the workers of Citus as well."""
    schedule: Schedule | None = None
    """When it runs, in UTC, by a DAG of its own; None: with the others, by the master's DAG."""
    dag: PlainName | None = None
    """The file of `dags/`, without `.py`, whose DAG runs it, and no other; None: see `schedule`."""
    monitor: Monitor = Monitor()
    alerts: Alerts = Alerts()
    retention: Retention = NO_RETENTION
    margin: Duration = timedelta(seconds=1)
    """Safety distance between the oldest open transaction and the window's upper end."""
    deletes: Literal["ignore", "detect"] | None = None
    """`deletes` of the entities that have a source and say nothing of it."""
    entities: Mapping[PlainName, Entity]
    aggregates: Mapping[PlainName, DeclaredAggregate] = {}
    checks: Checks = ()
    """What must hold of several entities' rows."""
    answers: Answers = Field(default={})
    """What the service tells applications of the star, by path."""
    _settings: Settings = PrivateAttr(default=NO_SETTINGS)
    _folder: Path | None = PrivateAttr(default=None)
    _areas: Mapping[str, Area] = PrivateAttr(default={})

    @model_validator(mode="before")
    @classmethod
    def _entities_know_their_names(cls, value: Any) -> Any:
        entities = value.get("entities") if isinstance(value, dict) else None
        if not isinstance(entities, dict):
            return value
        deletes = {"deletes": value["deletes"]} if value.get("deletes") else {}
        source = value.get("source")
        kind = source.get("kind") if isinstance(source, dict) else None
        if kind == "files":
            entities = {name: _with_files(one, name, source) for name, one in entities.items()}
        elif kind == "events":
            entities = {name: posted.of_entity(one, name) for name, one in entities.items()}
        named = {
            name: {**({} if one.get("from") else deletes), **one, "name": name}
            if isinstance(one, dict)
            else one
            for name, one in entities.items()
        }
        return {**value, "entities": named}

    @model_validator(mode="after")
    def _entities_are_of_the_source(self) -> Area:
        for entity in self.entities.values():
            if entity.files and not isinstance(self.source, Files):
                raise ValueError(
                    f"entities.{entity.name}.source: files are for an area with `source: {{kind: "
                    "files, url: …}`"
                )
            if entity.events and not isinstance(self.source, Inbox):
                raise ValueError(
                    f"entities.{entity.name}.source: fields are for an area with `source: {{kind: "
                    "events}`"
                )
        for what in ("event", "path"):
            told = [getattr(one.events, what) for one in self.entities.values() if one.events]
            if twice := [one for one in told if one and told.count(one) > 1]:
                raise ValueError(f"entities: {what} {twice[0]!r} is that of two; tell them apart")
        return self

    @model_validator(mode="before")
    @classmethod
    def _keeps_few_batches_of_an_inbox(cls, value: Any) -> Any:
        source = value.get("source") if isinstance(value, dict) else None
        is_inbox = isinstance(source, dict) and source.get("kind") == "events"
        return {"retention": OF_AN_INBOX, **value} if is_inbox else value

    @model_validator(mode="before")
    @classmethod
    def _lands_in_its_own_schema(cls, value: Any) -> Any:
        is_named = isinstance(value, dict) and "landing_schema" not in value and "area" in value
        return {"landing_schema": f"landing_{value['area']}", **value} if is_named else value

    @model_validator(mode="after")
    def _entities_know_their_place(self) -> Area:
        for entity in self.entities.values():
            entity._schema, entity._landing_schema = self.schema_name, self.landing_schema
            name = label(entity.table("dwh")) if entity.dwh else ""
            if len(name.encode()) > LONGEST_NAME:
                raise ValueError(
                    f"entities.{entity.name}: {name!r} has {len(name.encode())} bytes, and "
                    f"{LONGEST_NAME} leave room for names derived from it, such as "
                    "<schema>.<table>_confirmed"
                )
        return self

    @model_validator(mode="after")
    def _queries_lie_apart(self) -> Area:
        """Refuse a query in a folder whose files are for something else, such as `migrate`."""
        for entity in self.entities.values():
            if entity.origin and entity.origin.folder in {*LAYERS, self.source.name, "sample"}:
                raise ValueError(
                    f"entities.{entity.name}.source.query: the files of {entity.origin.folder}/ "
                    "are for something else. Put it into another folder of the area"
                )
        return self

    @model_validator(mode="after")
    def _roles_name_dimensions(self) -> Area:
        for entity in self.entities.values():
            for place, role in entity.roles.items():
                where = f"entities.{entity.name}.{place}"
                if not role.is_of(self.area):
                    continue  # Only the project knows the other areas (`sharing`).
                target = self.entities.get(role.entity.removeprefix(f"{self.area}."))
                if target is None or target.dimension is None:
                    hint = did_you_mean(role.entity, [one.name for one in self.dimensions])
                    raise ValueError(
                        f"{where}: {role.entity!r} is no dimension of this area. "
                        f"{hint or 'One of another area is called AREA.ENTITY'}"
                    )
                if lack := role.misfit(target.key):
                    raise ValueError(f"{where}.by: {lack}")
                if target is entity and role.by in (None, entity.key):
                    raise ValueError(
                        f"{where}: each row would point at itself; name the columns with the key "
                        "of the other row in `by`"
                    )
        return self

    @model_validator(mode="after")
    def _facts_are_distributed_by_their_keys(self) -> Area:
        distributing.refuse(self.facts)
        return self

    @model_validator(mode="after")
    def _derived_entities_follow_their_inputs(self) -> Area:
        for entity in self.entities.values():
            for name in entity.made_of:
                if name not in self.entities:
                    raise ValueError(
                        f"entities.{entity.name}.from: {name!r} is no entity of this area"
                    )
        if len(self.derived) < sum(one.is_derived for one in self.entities.values()):
            round_ = sorted(
                name
                for name, one in self.entities.items()
                if one.is_derived and one not in self.derived
            )
            raise ValueError(f"entities.{round_[0]}.from: {', '.join(round_)} make each other")
        return self

    @model_validator(mode="after")
    def _aggregates_read_facts(self) -> Area:
        for name, aggregate in self.aggregates.items():
            where = f"aggregates.{name}"
            if name in self.entities:
                raise ValueError(f"{where}: an entity has this name; give it another one")
            for fact in aggregate.grain:
                entity = self.entities.get(fact)
                if entity is None or entity.fact is None:
                    hint = did_you_mean(fact, [one.name for one in self.facts])
                    raise ValueError(f"{where}.grain: {fact!r} is no fact of this area. {hint}")
                if fact in entity.fact.dimensions:
                    raise ValueError(
                        f"{where}.grain.{fact}: a key of the fact has its name, and both would be "
                        "called so in an expression"
                    )
        return self

    @model_validator(mode="after")
    def _checks_can_be_told_apart(self) -> Area:
        for number, check in enumerate(self.checks):
            if check.KIND not in {"sql", "reconcile"}:
                raise ValueError(
                    f"checks[{number}]: {check.KIND} is of an entity's rows: write it under "
                    "entities.<entity>.checks"
                )
            if check.severity == "reject":
                raise ValueError(
                    f"checks[{number}]: `severity: reject` is for a check of one row in STG; make "
                    "a derived entity whose view shows beside a row what it depends on, and write "
                    "the check there"
                )
            if isinstance(check, Query) and check.at_most.share is not None:
                raise ValueError(
                    f"checks[{number}]: at_most: a share of which rows? Write a number of them"
                )
        known: dict[str, Placed] = {}
        for one in self.placed_checks:
            if one.name in known:
                raise ValueError(f"checks: two are called {one.name!r}; give one another `name`")
            known[one.name] = one
            if isinstance(one.check, Relationships):
                to = one.check.relationships.to
                if to not in self.entities:
                    hint = did_you_mean(to, self.entities)
                    raise ValueError(f"checks: {one.name}: {to!r} is no entity here. {hint}")
                lengths = len(one.check.columns), len(self.entities[to].key)
                if lengths[0] != lengths[1]:
                    raise ValueError(
                        f"checks: {one.name}: {lengths[0]} columns for a key of {lengths[1]}"
                    )
        return self

    @property
    def placed_checks(self) -> tuple[Placed, ...]:
        """All checks, of its entities and its own, each with its name and layer."""
        of_entities = (check for one in self.entities.values() for check in one.placed_checks)
        return (*of_entities, *placed(self.checks, None, "dwh"))

    def checks_called(self, names: Collection[str]) -> frozenset[str]:
        """Return names of checks; UnknownNameError: there is none of a name."""
        known = [one.name for one in self.placed_checks]
        for name in names:
            if name not in known:
                raise UnknownNameError(f"check of {self.area}", name, known)
        return frozenset(names)

    @property
    def database(self) -> Postgres | None:
        """The database that is its source; None: its source is something else."""
        return self.source if isinstance(self.source, Postgres) else None

    @property
    def has_files(self) -> bool:
        """Whether its source is a folder or a bucket."""
        return isinstance(self.source, Files)

    @property
    def has_inbox(self) -> bool:
        """Whether its source is the events that applications post."""
        return isinstance(self.source, Inbox)

    @property
    def sourced(self) -> Area:
        """The area with those of its entities that have a source."""
        some = {name: one for name, one in self.entities.items() if not one.is_derived}
        return self.model_copy(update={"entities": some})

    @property
    def derived(self) -> tuple[Entity, ...]:
        """The derived entities, each behind those that it is made of."""
        done: dict[str, Entity] = {}
        todo = [one for one in self.entities.values() if one.is_derived]
        waiting = {one.name for one in todo}
        while ready := [one for one in todo if not {*one.made_of} & waiting]:
            done |= {one.name: one for one in ready}
            waiting -= done.keys()
            todo = [one for one in todo if one.name in waiting]
        return tuple(done.values())

    @property
    def inputs(self) -> tuple[Entity, ...]:
        """The entities of whose rows others are made."""
        named = {name for one in self.derived for name in one.made_of}
        return tuple(one for name, one in self.entities.items() if name in named)

    @property
    def calendar(self) -> Calendar:
        """The calendar of the project that the area belongs to."""
        return self._settings.calendar

    @property
    def folder(self) -> Path | None:
        """The folder with its `area.yml` and SQL; None: it was declared without one."""
        return self._folder

    @property
    def others(self) -> Mapping[str, Area]:
        """The other areas of its project, by name."""
        return {name: area for name, area in self._areas.items() if name != self.area}

    def under(self, settings: Settings, folder: Path, areas: Mapping[str, Area]) -> Area:
        """Return a copy of the area that knows its folder, and its project: settings and areas."""
        copy = self.model_copy()
        copy._settings, copy._folder, copy._areas = settings, folder, areas
        return copy

    def dimension_of(self, role: Role) -> Entity:
        """Return the dimension that a key of a fact points at, of this area or another one."""
        owner = self if role.is_of(self.area) else self._areas[role.area]
        return owner.entities[role.entity.rpartition(".")[2]]

    @property
    def dimensions(self) -> tuple[Entity, ...]:
        """The entities that feed dimensions, in the order of the file."""
        return tuple(entity for entity in self.entities.values() if entity.dimension)

    @property
    def facts(self) -> tuple[Entity, ...]:
        """The entities that feed facts, in the order of the file."""
        return tuple(entity for entity in self.entities.values() if entity.fact)

    def entity(self, name: str) -> Entity:
        """Return an entity by its name, or by AREA.ENTITY.

        Raises:
            UnknownNameError: there is none, with the nearest name.
        """
        own = name.removeprefix(f"{self.area}.")
        if own not in self.entities:
            raise UnknownNameError(f"entity of {self.area}", name, self.entities)
        return self.entities[own]


def _with_files(entity: object, name: str, source: dict[str, Any]) -> object:
    """Complete an entity's files with what the source says of all files."""
    if not isinstance(entity, dict) or entity.get("from"):
        return entity
    if not entity.get("source"):
        raise ValueError(f"entities.{name}.source is missing: name its files, such as {name}/*.csv")
    return {**entity, "source": reading.of_entity(entity["source"], source)}
