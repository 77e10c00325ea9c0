"""What the user declares: `sql/<area>/area.yml` of each area, and `sql/project.yml` for all.

Declarations are frozen pydantic models with `extra="forbid"`; a misspelt key is refused with the
nearest one that exists. Columns and types are not declared: `catalog` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from tidemark.declare.moments import Moment
from tidemark.declare.scalars import (
    LONGEST_NAME,
    Columns,
    Duration,
    Identifier,
    Key,
    LandingSchema,
    Names,
    PlainName,
    ServerName,
    SourceName,
    TableName,
    TablesSchema,
    Zone,
)
from tidemark.errors import UnknownNameError, did_you_mean
from tidemark.model import DEFAULT_SOURCE, FIRST_SEEN_AT, SEEN_AT, QualifiedName, label

SEEN = "seen"
"""In place of a column with a time: as of when Tidemark saw it."""

USUAL_SEEN_COLUMN = "seen_at"
"""Column of a fact table with that time, unless `rename` gives it another name."""


class _Declaration(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeclaredDimension(_Declaration, title="Dimension"):
    """The SCD Type 2 dimension of the DWH that an entity feeds."""

    table: TableName
    surrogate_key: Identifier
    type2: Names = ()
    """Columns whose change opens a version."""
    type1: Names = ()
    """Columns that are overwritten in every version of the key."""
    effective: Moment | None = None
    """Column that says when a change took effect; `seen`: when Tidemark saw it; None: the
    entity's watermark."""
    first_version: Literal["beginning", "change"] = "beginning"
    """Where a key's first version starts: at the beginning of time, or at its change time."""

    @model_validator(mode="after")
    def _roles_are_disjoint(self) -> DeclaredDimension:
        both = set(self.type1) & set(self.type2)
        if both:
            raise ValueError(f"{min(both)!r} is both type1 and type2; it can be one of them")
        return self


class Role(_Declaration):
    """A dimension key of a fact: which dimension, found by which columns of the fact."""

    entity: PlainName
    by: Columns | None = None
    """Columns with the natural key; None: the columns with the names of the dimension's key."""


def _role(value: object) -> object:
    return {"entity": value} if isinstance(value, str) else value


class DeclaredFact(_Declaration, title="Fact"):
    """The fact table of the DWH that an entity feeds."""

    table: TableName
    event_time: Moment
    """Column with the instant that decides which version of a dimension a fact points at; `seen`:
    when Tidemark saw the fact's key first."""
    on_delete: Literal["remove", "soft"] = "remove"
    """What happens to a fact that the source deleted: it is removed, or its `is_deleted` is set."""
    rename: Mapping[Identifier, Identifier] = {}
    """Column of the fact table -> column of the STG table, where the names differ."""
    dimensions: Mapping[Identifier, Annotated[Role, BeforeValidator(_role)]] = {}
    """Key column of the fact table -> dimension."""
    dates: Mapping[Identifier, Moment] = {}
    """Key column of the fact table (yyyymmdd) -> column of the STG table with the date. With a
    zone, the date is that of the column's instant there."""

    @model_validator(mode="after")
    def _columns_have_one_origin(self) -> DeclaredFact:
        named = [*self.rename, *self.dimensions, *self.dates]
        both = [column for column in named if named.count(column) > 1]
        if both:
            raise ValueError(
                f"{both[0]!r} is in two of rename, dimensions and dates; it can be in one of them"
            )
        return self

    @property
    def is_seen(self) -> bool:
        """Whether a fact counts as of when Tidemark saw its key first."""
        return str(self.event_time) == SEEN

    @property
    def happens_at(self) -> str:
        """Landing column with its event time."""
        return FIRST_SEEN_AT if self.is_seen else self.event_time.column

    @property
    def seen_column(self) -> str:
        """Column of the fact table with the time at which its key was seen: renamed, or usual."""
        return next((ours for ours, sent in self.rename.items() if sent == SEEN), USUAL_SEEN_COLUMN)

    @property
    def renamed(self) -> Mapping[str, str]:
        """Column of the fact table -> landing column, where the names differ."""
        seen = {self.seen_column: FIRST_SEEN_AT} if self.is_seen else {}
        return {**self.rename, **seen}


class Check(_Declaration):
    """A data-quality gate: a query that returns rows that must not be there."""

    name: PlainName
    description: str
    sql: str


class Touch(_Declaration):
    """How a row of an input names the rows of a derived entity that are made of it."""

    columns: Mapping[Identifier, Identifier]
    """Column of the derived entity's key -> column of the input, or of the query."""
    query: str | None = None
    """A query of such columns, over `changed`: the input's rows that a batch has written, and those
    that they replaced. None: the input has the columns itself."""

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"columns": {column: column for column in value}}
        if isinstance(value, dict) and isinstance(value.get("columns"), list):
            return {**value, "columns": {column: column for column in value["columns"]}}
        return value


_OF_A_SOURCE = (
    "source",
    "extract",
    "watermark",
    "lookback",
    "settle",
    "deletes",
    "compare_keys_every",
    "max_delete_ratio",
    "on_new_column",
    "leave_out",
    "mrr",
)
"""Keys of an entity that say how a source is read."""


class Entity(_Declaration):
    """One source table or feed, or rows made of other entities' rows, through every layer."""

    name: PlainName = ""
    source: SourceName = ""
    """`schema.table` on the source; `public` without a schema."""
    made_of: Names = Field(default=(), alias="from")
    """Entities of whose rows the view `derive_<entity>` makes this one's. Then it has no source."""
    touched_by: Mapping[PlainName, Touch] = {}
    """Entity of `from` -> which derived rows a row of it touches."""
    key: Key
    extract: Literal["delta", "full"] = "delta"
    watermark: Identifier | None = None
    watermark_zone: Zone | None = None
    """Whose clock a watermark shows that is no instant (`timestamp`, `date`). Other such columns
    are read in it as well, unless they name a zone of their own."""
    lookback: Duration = timedelta(0)
    settle: Duration | None = None
    """A fixed lag in place of the safe upper bound. Rows that commit later than that are lost."""
    deletes: Literal["ignore", "detect"] = "ignore"
    """Whether a row that the source deletes is deleted here as well. With `extract: full` the
    default is `detect`."""
    compare_keys_every: Duration = timedelta(days=1)
    """With `deletes: detect`, the longest time between two comparisons of all keys."""
    max_delete_ratio: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The largest part of the table's rows that one batch may delete without being told to."""
    deleted_when: Annotated[str, Field(min_length=1)] | None = None
    """Condition over the cleansed row, in SQL: where it is true, the row counts as deleted."""
    on_new_column: Literal["add", "ignore", "fail"] = "add"
    """What happens to a new column of the source: MRR gets it, or not, or the run stops."""
    leave_out: Names = ()
    """Columns of the source that are never read, such as passwords."""
    mrr: TableName = ""
    """Its table in MRR; by default `mrr_<entity>`."""
    stg: TableName = ""
    """Its table in STG; by default `stg_<entity>`."""
    dimension: DeclaredDimension | None = None
    fact: DeclaredFact | None = None
    _schema: str = PrivateAttr(default="public")
    _landing_schema: str = PrivateAttr(default="landing")

    @model_validator(mode="before")
    @classmethod
    def _has_tables(cls, value: Any) -> Any:
        name = value.get("name") if isinstance(value, dict) else None
        if not name:
            return value
        own = {} if value.get("from") else {"mrr": f"mrr_{name}"}
        return {**own, "stg": f"stg_{name}", **value}

    @model_validator(mode="before")
    @classmethod
    def _has_one_origin(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        said = [key for key in _OF_A_SOURCE if key in value]
        if value.get("from") and said:
            raise ValueError(
                f"`{said[0]}` is for an entity with a source, and `from` says that this one's rows "
                "are made of others'"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _what_is_read_whole_shows_what_is_gone(cls, value: Any) -> Any:
        is_full = isinstance(value, dict) and value.get("extract") == "full"
        return {"deletes": "detect", **value} if is_full else value

    @model_validator(mode="after")
    def _is_complete(self) -> Entity:
        if self.is_derived:
            return self._is_derived_well()
        if not self.source:
            raise ValueError("`source` is missing: name a table of the source, or say `from`")
        if self.extract == "delta" and not self.watermark:
            raise ValueError("`watermark` is missing: name the column, or set `extract: full`")
        if self.dimension and self.fact:
            raise ValueError("an entity is a `dimension` or a `fact`, not both")
        if self.dimension and not (self.dimension.effective or self.watermark):
            raise ValueError(
                "`dimension.effective` is missing, and there is no watermark to use: name a "
                "column, or set `effective: seen`"
            )
        return self

    @model_validator(mode="after")
    def _watermark_has_one_zone(self) -> Entity:
        if self.watermark_zone and not self.watermark:
            raise ValueError("`watermark_zone` is of no use without a `watermark`")
        zone = self.dated_by.zone if self.dated_by else None
        is_watermark = self.dated_by is not None and self.dated_by.column == self.watermark
        if is_watermark and zone and self.watermark_zone not in (None, zone):
            raise ValueError(
                f"{self.watermark!r} is read at {zone}, and watermark_zone says "
                f"{self.watermark_zone}; leave `at {zone}` out"
            )
        return self

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> Entity:
        needed = {*self.key, self.watermark} & {*self.leave_out}
        for column in sorted(filter(None, needed)):
            raise ValueError(
                f"{column!r} is in leave_out, and the key and the watermark have to be read"
            )
        if self.dimension:
            typed = {*self.dimension.type1, *self.dimension.type2}
            if both := typed & set(self.key):
                raise ValueError(f"{min(both)!r} is of the key; it can't be type1 or type2 as well")
            if self.dimension.surrogate_key in {*typed, *self.key}:
                raise ValueError(
                    f"dimension.surrogate_key {self.dimension.surrogate_key!r} is a column of the "
                    "source as well; the key that counts versions needs a name of its own"
                )
        return self

    def _is_derived_well(self) -> Entity:
        if self.dimension:
            raise ValueError("a derived entity feeds a `fact`; a `dimension` needs a source")
        for name in self.made_of:
            if name not in self.touched_by:
                raise ValueError(
                    f"`touched_by` says nothing of {name!r}: which columns of it name the rows here"
                )
        for name, touch in self.touched_by.items():
            if name not in self.made_of:
                raise ValueError(f"`touched_by` names {name!r}, and `from` does not")
            if strange := sorted({*touch.columns} - {*self.key}):
                raise ValueError(f"touched_by.{name}: {strange[0]!r} is not in the key")
        return self

    @property
    def is_derived(self) -> bool:
        """Whether its rows are made of other entities' rows."""
        return bool(self.made_of)

    @cached_property
    def source_name(self) -> QualifiedName:
        """Schema and table on the source."""
        schema, dot, table = self.source.partition(".")
        return (schema, table) if dot else ("public", schema)

    @property
    def dated_by(self) -> Moment | None:
        """The column that says when its change, or its event, was; None: it is not in the star."""
        if self.dimension:
            zone = self.dimension.effective.zone if self.dimension.effective else None
            return Moment(column=str(self.changes_at), zone=zone)
        if self.fact:
            return Moment(column=self.fact.happens_at, zone=self.fact.event_time.zone)
        return None

    def zone_of(self, moment: Moment) -> str | None:
        """Return the zone in which a time without one is read; None: area.yml names none."""
        return moment.zone or self.watermark_zone

    @property
    def dwh(self) -> str | None:
        """The entity's table in the DWH, if it has one."""
        target = self.dimension or self.fact
        return target.table if target else None

    def table(self, layer: ServerName) -> QualifiedName:
        """Return the entity's table in a layer of the warehouse.

        Raises:
            KeyError: it has none there, as an entity without dimension and fact in the DWH.
        """
        tables = {"mrr": self.mrr, "stg": self.stg, "dwh": self.dwh}
        name = tables[layer]
        if not name:
            raise KeyError(layer)
        return self._schema, name

    @property
    def changes_at(self) -> str | None:
        """Column of STG with the time of a change of its dimension; None: it feeds none."""
        if self.dimension is None:
            return None
        named = self.dimension.effective
        return SEEN_AT if self.is_seen else named.column if named else self.watermark

    @property
    def is_seen(self) -> bool:
        """Whether a change of its dimension takes effect when Tidemark sees it."""
        return self.dimension is not None and str(self.dimension.effective) == SEEN

    @property
    def landing(self) -> QualifiedName:
        """Its landing table."""
        return self._landing_schema, self.name

    @property
    def view(self) -> QualifiedName:
        """Its cleansing view."""
        return self._landing_schema, f"clean_{self.name}"

    @property
    def deriving_view(self) -> QualifiedName:
        """The view that makes its rows of others', if it is derived."""
        return self._landing_schema, f"derive_{self.name}"

    @property
    def live_view(self) -> QualifiedName:
        """The view of its rows in STG that are not deleted, which deriving views read."""
        return self._landing_schema, f"live_{self.name}"

    def work(self, what: str) -> QualifiedName:
        """Return the name of a work table. No entity has such a name, since it has a dot."""
        return self._landing_schema, f"{self.name}.{what}"


class Limits(_Declaration):
    """How long Tidemark may keep a source busy, or wait there; `0s` sets no limit."""

    statement_timeout: Duration = timedelta(hours=6)
    """How long one statement may run."""
    lock_timeout: Duration = timedelta(seconds=1)
    """How long a statement may wait for a lock. A session that has waited for a second looks for a
    deadlock, and is ended if it finds one. With a longer limit here, that may be a session of the
    application."""


class Postgres(_Declaration):
    """The PostgreSQL database of an area's rows. Areas that give it the same name share it."""

    kind: Literal["postgres"] = "postgres"
    name: ServerName = DEFAULT_SOURCE
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _says_what_it_is(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"a source is not a single word: write `source: {{name: {value}}}`")
        named = value if isinstance(value, dict) else {}
        misplaced = [key for key in Limits.model_fields if key in named]
        if misplaced:
            limits = ", ".join(f"{key}: {named[key]}" for key in misplaced)
            raise ValueError(
                f"limits are under a key of their own: write `source: {{limits: {{{limits}}}}}`"
            )
        return value


class Calendar(_Declaration):
    """Whose public holidays the date dimension shows."""

    holidays: str = "US"
    """A country code of the `holidays` library, such as US or DE."""


class Settings(_Declaration):
    """Settings for all areas, which share the one date dimension of the DWH."""

    calendar: Calendar = Calendar()


NO_SETTINGS = Settings()

_FEW_ROWS = 100
"""With fewer rows than these, a ratio says nothing."""


class Monitor(_Declaration):
    """What `monitor_etl_logs` tolerates before it fails."""

    late_after: Duration = timedelta(hours=13)
    """The longest time since the last successful batch: two intervals of six hours, and one more
    hour."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The largest part of the rows staged in a batch that may be rejected, per entity. It does not
    apply if fewer than 100 rows were staged."""

    def is_too_much(self, rejected: int, rows: int) -> bool:
        """Whether more of the staged rows were rejected than the ratio allows."""
        return rows >= _FEW_ROWS and rejected > self.max_reject_ratio * rows

    def is_all(self, rejected: int, rows: int) -> bool:
        """Whether all staged rows were rejected, however few, while the ratio is below 1."""
        return rejected >= rows and self.max_reject_ratio < 1


class Retention(_Declaration):
    """How long an area keeps what readers of the star do not see; None: for ever."""

    logs: Duration | None = None
    """Rows of etl_logs, from the start of their run. Those of the last batch stay."""
    history: Duration | None = None
    """Versions in the histories of MRR and STG, from their replacement."""
    rejects: Duration | None = None
    """Rejects, from their resolution. Open rejects stay."""


NO_RETENTION = Retention()


class Area(_Declaration):
    """One subject area: a source, its entities, their SQL."""

    area: PlainName
    description: str = ""
    schema_name: TablesSchema = Field(default="public", alias="schema")
    """Schema of the area's tables in MRR, STG and the DWH."""
    landing_schema: LandingSchema = ""
    """Schema of landing tables, cleansing views and work tables; by default `landing_<area>`."""
    source: Postgres = Postgres()
    monitor: Monitor = Monitor()
    retention: Retention = NO_RETENTION
    margin: Duration = timedelta(seconds=1)
    """Safety distance between the oldest open transaction and the window's upper end."""
    entities: Mapping[PlainName, Entity]
    checks: tuple[Check, ...] = ()
    _settings: Settings = PrivateAttr(default=NO_SETTINGS)
    _folder: Path | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _entities_know_their_names(cls, value: Any) -> Any:
        entities = value.get("entities") if isinstance(value, dict) else None
        if not isinstance(entities, dict):
            return value
        named = {k: {**v, "name": k} if isinstance(v, dict) else v for k, v in entities.items()}
        return {**value, "entities": named}

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
    def _facts_name_dimensions(self) -> Area:
        for entity in self.facts:
            for column, role in entity.fact.dimensions.items():  # type: ignore[union-attr]
                target = self.entities.get(role.entity)
                if target is None or target.dimension is None:
                    hint = did_you_mean(role.entity, [one.name for one in self.dimensions])
                    raise ValueError(
                        f"entities.{entity.name}.fact.dimensions.{column}: {role.entity!r} is no "
                        f"dimension of this area{hint and '. '}{hint}"
                    )
                if role.by and len(role.by) != len(target.key):
                    raise ValueError(
                        f"entities.{entity.name}.fact.dimensions.{column}.by: "
                        f"{len(role.by)} columns for a key of {len(target.key)}"
                    )
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

    def under(self, settings: Settings, folder: Path) -> Area:
        """Return a copy of the area that knows the settings of its project, and its folder."""
        copy = self.model_copy()
        copy._settings, copy._folder = settings, folder
        return copy

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
