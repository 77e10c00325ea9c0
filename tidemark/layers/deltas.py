"""What batches wrote into mirrors, as hops send it: versions, whole rows, observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidemark.layers.mirror import Mirror, which
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable
from tidemark.postgres.question import Question


def written(mirror: Mirror, *, after: int) -> Composable:
    """Compose the relation of the rows, whole ones, that batches after `after` wrote."""
    return compose.statement(__name__, "written", mirror.parts, after=db.literal(after))


def versions(mirror: Mirror, *, after: int, columns: Sequence[str]) -> Composable:
    """Compose the query of the versions that batches after `after` wrote."""
    return compose.statement(
        __name__,
        "versions",
        mirror.parts,
        written=written(mirror, after=after),
        columns=Columns(tuple(columns)),
        after=db.literal(after),
    )


def observations(
    mirror: Mirror, natural_key: tuple[str, ...], *, after: int, columns: Sequence[str]
) -> Composable:
    """Compose the query of all live rows of the natural keys that batches after `after` touched.

    What these batches have deleted is in it as well.
    """
    return compose.statement(
        __name__,
        "observations",
        mirror.parts,
        written=written(mirror, after=after),
        nk=Columns(natural_key),
        columns=Columns(tuple(columns)),
        after=db.literal(after),
    )


def some_columns(relation: Composable, *, columns: Sequence[str]) -> Composable:
    """Compose the query of some columns of a relation."""
    return compose.statement(
        __name__, "some_columns", relation=relation, columns=Columns(tuple(columns))
    )


def as_of(mirror: Mirror, batch_id: int, *, columns: Sequence[str]) -> Composable:
    """Compose the relation of the rows that were current after a batch, and live."""
    return compose.statement(
        __name__,
        "as_of",
        mirror.parts,
        columns=Columns(tuple(columns)),
        batch_id=db.literal(batch_id),
    )


def with_refreshed(
    delta: Composable, mirror: Mirror, batch_id: int, *, columns: Sequence[str]
) -> Composable:
    """Add the live rows that a batch left as they were to a delta, as rows of that batch."""
    return compose.statement(
        __name__,
        "with_refreshed",
        delta=delta,
        columns=Columns(tuple(columns)),
        carried=Columns(tuple(each for each in columns if each not in ("_batch_id", "_seq"))),
        rows=as_of(mirror, batch_id, columns=columns),
        batch_id=db.literal(batch_id),
    )


def changed(mirrors: Mapping[str, Mirror], after: Mapping[str, int]) -> Question[list[str]]:
    """Ask for the entities of which batches after `after` wrote versions; there is at least one."""
    return which(
        [
            compose.statement(
                __name__,
                "has_versions",
                mirrors[name].parts,
                entity=db.literal(name),
                after=db.literal(last),
            )
            for name, last in after.items()
        ],
    )
