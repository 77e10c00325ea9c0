"""What feeds each column of an entity: roles, and where values come from, or why from nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidemark.console.lineage import Place, Places
from tidemark.console.tracing import Step, Trace, Traces
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.star import DeclaredFact
from tidemark.layers.mirror import LINEAGE
from tidemark.model import QualifiedName, label
from tidemark.star.facts import DELETED
from tidemark.star.scd2 import VERSIONING

_VERSIONING: Mapping[str, str] = {
    "valid_from": "when the version begins: the time of its change",
    "valid_to": "where the next version or a delete ends it",
    "is_current": "whether it is open",
    "is_deleted": "whether a delete ended it",
    "is_inferred": "whether a fact came before it",
    "changed_at": "the time of its change",
    "_batch_id": "the batch that showed it",
    "_seq": "its place among the versions of the key in that batch",
    "_deleted_batch_id": "the batch that showed the delete",
    "_deleted_seq": "its place in that batch",
}
assert {*_VERSIONING} == {*VERSIONING}, "each column of a version is explained"

_DATED = ("valid_from", "changed_at")
"""Columns of a version that the time of a change is in."""


@dataclass(frozen=True, slots=True)
class Source:
    """A column in which a value comes from: of MRR, or of a table of STG that nothing feeds."""

    layer: str
    table: str
    column: str
    entity: str = ""
    """Whose it is; '': of no entity."""


@dataclass(frozen=True, slots=True)
class Fed:
    """Where the values of one column come from."""

    staged: str = ""
    """Column of STG; '': none."""
    said: str = ""
    """What Tidemark or PostgreSQL makes it of."""
    values: Sequence[Source] = ()
    rows: Sequence[Source] = ()
    maybe: Sequence[Source] = ()
    steps: Sequence[Step] = ()
    unread: Sequence[str] = ()

    @property
    def is_explained(self) -> bool:
        """Whether it has a source or a reason."""
        return bool(self.said or self.values or self.rows or self.maybe)


class Feeding:
    """What feeds an entity."""

    def __init__(self, area: Area, entity: Entity, traces: Traces) -> None:
        self._area, self._entity, self._traces = area, entity, traces
        # Where rows land has the columns of the mirror that is sent.
        self._landing = {one.landing: one for one in area.entities.values() if one.mrr}

    def star(self, columns: Sequence[str], filled: Mapping[str, str]) -> Iterator[Fed]:
        """Yield what feeds the columns of the table in the DWH.

        Args:
            columns: in the table's order.
            filled: those that PostgreSQL fills if nothing feeds them -> how.
        """
        entity = self._entity
        of = self._dimension if entity.dimension else self._fact
        for column in columns:
            fed = of(column)
            if fed is None:
                said = f"PostgreSQL fills it: {filled[column]}" if column in filled else ""
                fed = Fed(said=said or "nothing feeds it")
            yield fed

    def staged(self, column: str, said: str = "") -> Fed | None:
        """Return what feeds a column of STG; None: there is no such column."""
        relation = self._traces.relations.get(self._entity.view)
        if relation is None or column not in relation.columns:
            return None
        trace = self._traces.trace((*self._entity.view, column))
        if not (said or trace.values or trace.rows or trace.maybe):
            said = "a constant, or what PostgreSQL knows by itself"
        elif not (said or trace.values or trace.maybe):
            said = "a count, or a constant, of these rows"
        return Fed(
            staged=column,
            said=said,
            values=self._sources(trace.values),
            rows=self._sources(_told(trace)),
            maybe=self._sources(trace.maybe),
            steps=trace.steps,
            unread=trace.unread,
        )

    def _dimension(self, column: str) -> Fed | None:
        declared = self._entity.dimension
        assert declared is not None, "called for dimensions"
        if column == declared.surrogate_key:
            return Fed(said="Tidemark counts the versions; 0 is the unknown member")
        if column not in _VERSIONING:
            return self.staged(column)
        said = _VERSIONING[column]
        if column == "valid_from" and declared.first_version == "beginning":
            said += "; of a key's first version the beginning of time"
        if column not in _DATED:
            return Fed(said=said)
        if self._entity.is_seen:
            return Fed(said=f"{said}, which is when Tidemark saw it")
        return self.staged(str(self._entity.changes_at), said) or Fed(said=said)

    def _fact(self, column: str) -> Fed | None:
        declared = self._entity.fact
        assert declared is not None, "called for facts"
        if column in declared.dimensions:
            return self._member(declared, column)
        if column in declared.dates:
            moment = declared.dates[column]
            said = f"the day of {moment} as yyyymmdd"
            return self.staged(moment.column, said) or Fed(said=said)
        if column == "_batch_id":
            return Fed(said="the batch that wrote it last")
        if column == DELETED and declared.on_delete == "soft":
            return Fed(said="whether the source has deleted it")
        if declared.is_seen and column == declared.seen_column:
            return Fed(said="when Tidemark saw its key first")
        return self.staged(declared.renamed.get(column, column))

    def _member(self, declared: DeclaredFact, column: str) -> Fed:
        role = declared.dimensions[column]
        target = self._area.dimension_of(role)
        by = role.by or target.key
        said = (
            f"the version of {role.entity} that was in force at {declared.happens_at}, found by "
            f"{', '.join(by)}; 0: the fact names none"
        )
        found = [self.staged(one) for one in by]
        return Fed(
            staged=", ".join(by),
            said=said,
            **{
                part: tuple(
                    dict.fromkeys(each for one in found if one for each in getattr(one, part))
                )
                for part in ("values", "rows", "maybe", "steps", "unread")
            },
        )

    def _sources(self, places: Places) -> tuple[Source, ...]:
        return tuple(self._source(place) for place in sorted(places))

    def _source(self, place: Place) -> Source:
        schema, name, column = place
        entity = self._landing.get((schema, name))
        if entity is None:
            return Source("stg", label((schema, name)), column)
        return Source("mrr", label(entity.table("mrr")), column, entity.name)


def _told(trace: Trace) -> Places:
    """Leave out that rows are not deleted, which holds of all."""
    return frozenset(place for place in trace.rows if place[2] not in LINEAGE)


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is there for."""

    what: str
    entity: str = ""
    """The dimension that it points at: ENTITY, or AREA.ENTITY; '': none."""


def roles(area: Area, entity: Entity, layer: str, column: str) -> list[Role]:
    """Return what a column of an entity is in a layer; empty: it is carried along."""
    if layer == "dwh":
        found = _in_dimension(entity, column) if entity.dimension else _in_fact(entity, column)
    else:
        found = [Role("key")] if column in entity.row_key else []
        if layer == "mrr" and column == entity.watermark:
            found.append(Role("watermark"))
        if layer == "stg" and entity.dated_by and column == entity.dated_by.column:
            found.append(Role("change time" if entity.dimension else "event time"))
        if column in LINEAGE:
            found.append(Role("made by Tidemark"))
    return found


def _in_dimension(entity: Entity, column: str) -> list[Role]:
    declared = entity.dimension
    assert declared is not None, "called for dimensions"
    if column == declared.surrogate_key:
        return [Role("surrogate key")]
    if column in VERSIONING:
        return [Role("version")]
    for what, columns in (
        ("key", entity.key),
        ("type 1", declared.type1),
        ("type 2", declared.type2),
    ):
        if column in columns:
            return [Role(what)]
    return [Role("untracked")]


def _in_fact(entity: Entity, column: str) -> list[Role]:
    declared = entity.fact
    if declared is None:
        return []
    sent = declared.renamed.get(column, column)
    if column in declared.dimensions:
        return [Role("dimension key", declared.dimensions[column].entity)]
    found = [Role("key")] if sent in entity.key else []
    if column in declared.dates:
        found.append(Role("date key"))
    if sent == declared.happens_at:
        found.append(Role("event time"))
    return found


def table_of(entity: Entity, layer: str) -> QualifiedName | None:
    """Return the entity's table in a layer; None: it has none there."""
    try:
        return entity.table(layer)
    except KeyError:
        return None
