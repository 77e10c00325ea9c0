"""What the views of an area read of Tidemark's tables.

A row of STG is made again when a row changes that its view is known to read: of a cleansing view
the landed row, of a deriving view the rows of its inputs. What it reads beside these would change
without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.model import QualifiedName
from tidemark.postgres import compose, question
from tidemark.postgres.db import Row
from tidemark.postgres.question import Question

Reads = Mapping[str, Sequence[QualifiedName]]
"""Entity -> the tables with lineage columns, and the views of live rows, that its view reads."""


def of_cleansing(area: Area) -> Question[Reads]:
    """Ask what cleansing views read, by themselves or through other views."""
    return _asked(area, {name: one.view for name, one in area.entities.items()})


def of_deriving(area: Area) -> Question[Reads]:
    """Ask what deriving views read, by themselves or through other views."""
    return _asked(area, {one.name: one.deriving_view for one in area.derived})


def _asked(area: Area, views: Mapping[str, QualifiedName]) -> Question[Reads]:
    live = [one.live_view for one in area.entities.values()]
    which = {
        "schemas": [schema for schema, _ in views.values()],
        "views": [name for _, name in views.values()],
        "live_schemas": [schema for schema, _ in live],
        "live": [name for _, name in live],
    }
    names = [*views]

    def read(rows: Sequence[Row]) -> Reads:
        found: dict[str, list[QualifiedName]] = {name: [] for name in names}
        for position, schema, name in rows:
            found[names[position - 1]].append((schema, name))
        return found

    return question.of(compose.statement(__name__, "reads"), which, read)


def beside_landed(area: Area, reads: Reads) -> Iterator[ContractError]:
    """Yield what cleansing views read beside the landed rows of their entities."""
    for name, places in reads.items():
        entity = area.entities[name]
        for place in places:
            if place != entity.landing:
                yield _refused(
                    entity.view,
                    place,
                    "A row there may change, and the rows made of it stay as they are. Make them "
                    f"by a derived entity, `from` with {name} and what you look up "
                    "(docs/areas.md#rows-made-of-other-entities-rows).",
                )


def beside_inputs(
    area: Area, entity: Entity, reads: Iterable[QualifiedName]
) -> Iterator[ContractError]:
    """Yield what a deriving view reads beside the live rows of its inputs."""
    live = {one.live_view: one.name for one in area.entities.values()}
    for place in reads:
        if place not in live:
            views = ", ".join(".".join(area.entities[name].live_view) for name in entity.made_of)
            remedy = f"It has rows that are deleted, or are on their way. Read {views}."
        elif live[place] not in entity.made_of:
            remedy = (
                f"Rows of {live[place]} would change without it: name it in `from` and "
                f"`touched_by` of entities.{entity.name} of sql/{area.area}/area.yml."
            )
        else:
            continue
        yield _refused(entity.deriving_view, place, remedy)


def _refused(view: QualifiedName, place: QualifiedName, remedy: str) -> ContractError:
    what = f"stg: the view {'.'.join(view)} reads {'.'.join(place)}. {remedy}"
    return ContractError(what, server="stg", table=".".join(view))
