"""What `area.yml` says of one entity: where its rows come from, and what it feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from tidemark.declare import filed, posted
from tidemark.declare.check import Placed, placed
from tidemark.declare.check_kinds import Checks
from tidemark.declare.declaration import Declaration
from tidemark.declare.kinds import OF_A_SOURCE, EntityKey
from tidemark.declare.moments import Moment
from tidemark.declare.origin import Origin
from tidemark.declare.origins import EntitySource
from tidemark.declare.posted import EventsOfEntity
from tidemark.declare.reading import FilesOfEntity
from tidemark.declare.scalars import (
    Duration,
    Identifier,
    Names,
    PlainName,
    SequenceName,
    ServerName,
    TableName,
    Zone,
)
from tidemark.declare.star import SEEN, DeclaredDimension, DeclaredFact, Role, in_the_star
from tidemark.declare.touch import Touch
from tidemark.model import ORIGIN, SEEN_AT, QualifiedName


class Entity(Declaration):
    """One source table or feed, or rows made of other entities' rows, through every layer."""

    name: PlainName = ""
    source: EntitySource | None = None
    """A table, a query, files or events of the source; None: its rows are made of others'."""
    made_of: Names = Field(default=(), alias="from")
    """Entities of whose rows the view `derive_<entity>` makes this one's. Then it has no source."""
    touched_by: Mapping[PlainName, Touch] = {}
    """Entity of `from` -> which derived rows a row of it touches."""
    keyed_by: EntityKey = Field(alias="key")
    """Columns; of documents, column -> path (`$.event_id`); `[_file, _line]`: a row per record."""
    extract: Literal["delta", "full"] = "delta"
    watermark: Identifier | None = None
    watermark_zone: Zone | None = None
    """Whose clock a watermark shows that is no instant (`timestamp`, `date`). Other such columns
    are read in it as well, unless they name a zone of their own."""
    watermark_sequence: SequenceName | None = None
    """The sequence from which each write draws the watermark, if that is a number."""
    lookback: Duration = timedelta(0)
    settle: Duration | None = None
    """A fixed lag in place of the safe upper bound. Rows that commit later than that are lost."""
    deletes: Literal["ignore", "detect"] = "ignore"
    """Whether what the source deletes is deleted here; with `extract: full` that is the default."""
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
    personal: Names = ()
    """Columns, in whatever layer, whose values the console shows to owners alone."""
    mrr: TableName = ""
    """Its table in MRR; by default `mrr_<entity>`."""
    stg: TableName = ""
    """Its table in STG; by default `stg_<entity>`."""
    dimension: DeclaredDimension | None = None
    fact: DeclaredFact | None = None
    checks: Checks = ()
    """What must hold of its rows."""
    _schema: str = PrivateAttr(default="public")
    _landing_schema: str = PrivateAttr(default="landing")

    @model_validator(mode="before")
    @classmethod
    def _has_tables(cls, value: Any) -> Any:
        name = value.get("name") if isinstance(value, dict) else None
        if not name:
            return value
        own = {} if value.get("from") else {"source": name, "mrr": f"mrr_{name}"}
        return {**own, "stg": f"stg_{name}", **value, **dict(in_the_star(name, value))}

    @model_validator(mode="before")
    @classmethod
    def _has_one_origin(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        said = [key for key in OF_A_SOURCE if key in value]
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
        said, is_set = self.model_fields_set, self.deletes == "detect"
        if self.files:
            filed.check(self.files, self.keyed_by, said=said, is_set=is_set)
        elif self.events:
            posted.check(self.events, self.keyed_by, said=said, is_set=is_set)
        if not self.origin:
            return self
        if self.paths:
            raise ValueError("key: paths are for documents; of a table name the columns")
        if self.extract == "delta" and not self.watermark:
            raise ValueError("`watermark` is missing: name the column, or set `extract: full`")
        return self

    @model_validator(mode="after")
    def _feeds_one_table(self) -> Entity:
        if self.dimension and self.fact:
            raise ValueError("an entity is a `dimension` or a `fact`, not both")
        dating = None if self.watermark_sequence else self.watermark
        if self.is_derived or self.dimension is None or self.dimension.effective or dating:
            return self
        raise ValueError(
            "`dimension.effective` is missing, and there is no watermark to use: name a column, or "
            "set `effective: seen`"
        )

    @model_validator(mode="after")
    def _numbers_are_no_times(self) -> Entity:
        if self.watermark_sequence is None:
            return self
        if not self.watermark or self.extract == "full":
            raise ValueError("`watermark_sequence` is of no use without windows of a `watermark`")
        for key in ("lookback", "settle", "watermark_zone"):
            if getattr(self, key):
                raise ValueError(f"`{key}` is for a watermark that is a time; take it out")
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

    @model_validator(mode="after")
    def _observations_are_of_a_derived_entity(self) -> Entity:
        if self.dimension is None:
            return self
        if not self.is_derived:
            if self.dimension.tie_breaker:
                raise ValueError(
                    "`dimension.tie_breaker` is for a derived entity, which shows all observations "
                    "of a key; of a source's changes of one instant, the latest counts"
                )
            return self
        effective = self.dimension.effective
        if effective is None or self.is_seen:
            raise ValueError(
                "`dimension.effective` is missing: name the column of the deriving view with the "
                "time of an observation"
            )
        if self.deleted_when:
            raise ValueError(
                "`deleted_when` would take observations away; let the deriving view show when a "
                "key ends, by `is_deleted` of an observation"
            )
        for column in (effective.column, self.dimension.tie_breaker):
            if column in self.key:
                raise ValueError(
                    f"{column!r} is in the key, which is that of the dimension's members; their "
                    "observations have the time and the tie breaker beside it"
                )
        return self

    def _is_derived_well(self) -> Entity:
        for one in self.placed_checks:
            if one.layer == "mrr":
                raise ValueError(f"checks: {one.name}: MRR has no derived rows; look on stg or dwh")
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

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of its natural key."""
        return tuple(self.keyed_by)

    @property
    def paths(self) -> Mapping[str, str]:
        """Column of the key -> its path in a document; empty: the key is of columns."""
        return self.keyed_by if isinstance(self.keyed_by, Mapping) else {}

    @property
    def is_record(self) -> bool:
        """Whether each record of its files is a row, with its place there as the key."""
        return self.files is not None and self.key == ORIGIN

    @property
    def shown_key(self) -> tuple[str, ...]:
        """The columns of the key that its source shows."""
        return () if self.is_record else self.key

    @property
    def files(self) -> FilesOfEntity | None:
        """Its files, if it has such a source."""
        return self.source if isinstance(self.source, FilesOfEntity) else None

    @property
    def reading(self) -> FilesOfEntity:
        """How its files are read. Call it of an entity that has files."""
        assert self.files is not None, "an entity with files"
        return self.files

    @property
    def events(self) -> EventsOfEntity | None:
        """Its events, if applications post them."""
        return self.source if isinstance(self.source, EventsOfEntity) else None

    @property
    def origin(self) -> Origin | None:
        """Its table or query, if its source is a database."""
        return self.source if isinstance(self.source, Origin) else None

    @property
    def is_derived(self) -> bool:
        """Whether its rows are made of other entities' rows."""
        return bool(self.made_of)

    @property
    def sequence(self) -> QualifiedName | None:
        """Schema and name of the sequence that the watermark is drawn from, if it is a number."""
        schema, dot, name = (self.watermark_sequence or "").rpartition(".")
        return ((schema if dot else "public"), name) if name else None

    @property
    def is_observed(self) -> bool:
        """Whether its rows are observations: all of them together tell a dimension's history."""
        return self.is_derived and self.dimension is not None

    @property
    def row_key(self) -> tuple[str, ...]:
        """The key of its rows in mirrors: `key`; of an observation, with its place in time."""
        if not self.is_observed:
            return self.key
        assert self.dimension is not None, "an observed entity has a dimension"
        return (*self.key, *filter(None, (self.changes_at, self.dimension.tie_breaker)))

    @cached_property
    def source_name(self) -> QualifiedName:
        """Schema and table on the source, if it reads a table or a view."""
        schema, dot, table = (self.origin.table if self.origin else "").partition(".")
        return (schema, table) if dot else ("public", schema)

    @property
    def query(self) -> str:
        """The file of the query that it reads, below its area's folder; '': it reads a table."""
        return self.origin.query if self.origin else ""

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
    def placed_checks(self) -> Iterator[Placed]:
        """Its checks, each with its name and layer."""
        return placed(self.checks, self.name, "dwh" if self.dwh else "stg")

    @property
    def rejecting_checks(self) -> list[Placed]:
        """Those that refuse rows in STG."""
        return [one for one in self.placed_checks if one.check.severity == "reject"]

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

    @property
    def roles(self) -> dict[str, Role]:
        """The dimensions that it points at: where that is declared -> which."""
        facts = self.fact.dimensions if self.fact else {}
        references = self.dimension.references if self.dimension else {}
        return {
            **{f"fact.dimensions.{column}": role for column, role in facts.items()},
            **{f"dimension.references.{column}": role for column, role in references.items()},
        }

    @property
    def at_view(self) -> QualifiedName | None:
        """The view of what its dimension points at, at any instant; None: it points at nothing."""
        if self.dimension is None or not self.dimension.references:
            return None
        schema, table = self.table("dwh")
        return schema, f"{table}_at"

    def work(self, what: str) -> QualifiedName:
        """Return the name of a work table. No entity has such a name, since it has a dot."""
        return self._landing_schema, f"{self.name}.{what}"
