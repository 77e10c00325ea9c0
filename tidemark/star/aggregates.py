"""Aggregates: tables of the DWH with a row per grain, computed from facts by one SELECT.

`migrate` makes a view of the SELECT over a table of grains. So the catalog says what the SELECT
reads: a grain's row may depend on facts of that grain, and on what these point at, and on nothing
that changes without them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tidemark.declare import sharing
from tidemark.declare.aggregate import TOUCHED
from tidemark.declare.config import Area
from tidemark.errors import ConfigError
from tidemark.model import QualifiedName, label
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.star import grains
from tidemark.star.grains import Grain


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate as `area.yml` declares it."""

    area: Area
    name: str
    columns: tuple[str, ...]
    """Those of the grain."""
    grains: tuple[Grain, ...]
    """One for each fact that the SELECT reads."""

    @property
    def table(self) -> QualifiedName:
        """The table that analysts read."""
        return self.area.schema_name, self.name

    @property
    def computed(self) -> QualifiedName:
        """The view that computes the rows of touched grains."""
        return self._work("computed")

    @property
    def evaluated(self) -> QualifiedName:
        """The table of these rows while they are written."""
        return self._work("evaluated")

    @property
    def every_grain(self) -> QualifiedName:
        """The view of the grains of all facts."""
        return self._work("grains")

    @property
    def touched(self) -> QualifiedName:
        """The table of the grains to compute."""
        return self._work("touched")

    @property
    def path(self) -> str:
        """The file with its SELECT, below `sql/`."""
        return f"{self.area.area}/dwh/aggregates/{self.name}.sql"

    @property
    def parts(self) -> Parts:
        """What fills the placeholders of statements."""
        return {
            "table": db.name(*self.table),
            "computed": db.name(*self.computed),
            "grains": db.name(*self.every_grain),
            "touched": db.name(*self.touched),
            "grain": Columns(self.columns),
        }

    def _work(self, what: str) -> QualifiedName:
        return self.area.landing_schema, f"{self.name}.{what}"


def of(area: Area) -> list[Aggregate]:
    """Return the aggregates of an area."""
    return [
        Aggregate(
            area,
            name,
            declared.columns,
            tuple(
                grains.of(area, area.entities[fact], grain, declared.columns)
                for fact, grain in declared.grain.items()
            ),
        )
        for name, declared in area.aggregates.items()
    ]


def followed(area: Area) -> list[Aggregate]:
    """Return those that a publish of an area may touch: its own, and those over dimensions of it.

    A fact of another area that points at its dimensions may get another grain.
    """
    lent = {(use.area.area, use.entity.name) for use in sharing.lent(area)}
    others = chain.from_iterable(of(other) for other in area.others.values())
    return [
        *of(area),
        *(
            one
            for one in others
            if any((one.area.area, grain.entity) in lent for grain in one.grains)
        ),
    ]


def places(area: Area) -> list[QualifiedName]:
    """Return the tables and views of the aggregates that a publish of an area may touch."""
    found = ((one.table, one.computed, one.touched) for one in followed(area))
    return list(chain.from_iterable(found))


def make(aggregate: Aggregate, said: str = "") -> Composable:
    """Compose what makes the views of an aggregate, and the table of its grains.

    Args:
        aggregate: whose they are.
        said: the comment on the view.

    Raises:
        ConfigError: there is no file with its SELECT, or it does not name the touched grains.
    """
    folder = aggregate.area.folder
    assert folder is not None, "areas of a project have one"
    path = folder.parent / aggregate.path
    where = f"sql/{aggregate.area.area}/area.yml: aggregates.{aggregate.name}"
    if not path.is_file():
        raise ConfigError(f"{where}: there is no sql/{aggregate.path}. Write its SELECT there.")
    text = path.read_text("utf-8")
    if TOUCHED not in text:
        raise ConfigError(
            f"sql/{aggregate.path}: the SELECT does not read {TOUCHED}, the relation of grains to "
            "compute. Name it in FROM, and join the facts of these grains (docs/aggregates.md)."
        )
    return compose.statement(
        __name__,
        "make",
        aggregate.parts,
        every_grain=compose.union_all([one.query for one in aggregate.grains]),
        select=_over(text, db.name(*aggregate.touched)),
        of_facts=db.literal(f"One row per fact that {aggregate.name} is computed of: its grain."),
        to_compute=db.literal(f"One row per grain of {aggregate.name} that is to be computed."),
        comment=db.literal(said),
    )


def comment(aggregate: Aggregate, made: str) -> str:
    """Say what the view is made of. It differs for two views that differ.

    Args:
        aggregate: whose view.
        made: the statements that make it, as they are sent.
    """
    checksum = hashlib.sha256(made.encode()).hexdigest()[:16]
    grain = ", ".join(aggregate.columns)
    return f"One row per {grain}, as sql/{aggregate.path} computes it ({checksum})."


def make_table(aggregate: Aggregate, columns: Sequence[str]) -> Composable:
    """Compose what makes the table, with the columns of the view, in place of an older one."""
    said = f"One row per {', '.join(aggregate.columns)}, computed by sql/{aggregate.path}."
    return compose.statement(
        __name__,
        "make_table",
        aggregate.parts,
        columns=Columns(tuple(columns)),
        constraint=db.name(f"{aggregate.name}_one_row_per_grain"),
        comment=db.literal(said),
    )


def drop_views(aggregate: Aggregate) -> Composable:
    """Compose what drops the views. They may be made again."""
    return compose.statement(__name__, "drop_views", aggregate.parts)


def drop_left_over(session: Session, areas: Sequence[Area]) -> list[Composable]:
    """Compose what drops the views of aggregates that areas don't declare any more.

    They would keep the columns that they read from being changed. Tables stay, as all tables do
    that analysts read.
    """
    declared = [one.computed for area in areas for one in of(area)]
    which = {
        "schemas": [area.landing_schema for area in areas],
        "places": [schema for schema, _ in declared],
        "views": [name for _, name in declared],
    }
    found = session.rows(compose.statement(__name__, "left_over"), which)
    return [
        compose.statement(
            __name__,
            "drop",
            {what: db.name(schema, f"{name}.{what}") for what in ("computed", "grains", "touched")},
        )
        for schema, name in found
    ]


def forget(area: Area) -> Composable:
    """Compose what forgets aggregates that an area and the others don't declare any more."""
    areas = [area, *area.others.values()]
    return compose.statement(
        __name__,
        "forget",
        areas=db.literal([one.area for one in areas]),
        tables=db.literal([label(one.table) for each in areas for one in of(each)]),
    )


def comments(session: Session, some: Sequence[Aggregate]) -> dict[QualifiedName, str]:
    """Read what the views of aggregates were made of: view -> comment."""
    which = {
        "schemas": [one.computed[0] for one in some],
        "views": [one.computed[1] for one in some],
    }
    found = session.rows(compose.statement(__name__, "comments"), which)
    return {(schema, name): said for schema, name, said in found}


def _over(text: str, touched: Composable) -> Composable:
    """Return a SELECT in which a relation of grains has its place."""
    ended = text.strip().rstrip(";")
    if "--" in ended.rpartition("\n")[2]:
        ended += "\n"  # Else what follows would belong to the comment.
    first, *rest = ended.split(TOUCHED)
    found: Composable = db.raw(first)
    for piece in rest:
        found = found + touched + db.raw(piece)
    return found
