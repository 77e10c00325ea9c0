"""Versions that broke a check before anything was published, and were replaced since.

Publish sends all versions that the star lacks, in order. A version that a check held back, and that
its source has corrected, is none of them: the star is to be as if the fault had never been. So the
keys that break a check which says `fail` are kept, each with the batch that wrote its row. A check
that can't say which rows are wrong suspects all that its batches wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from tidemark.declare.check_kinds import Freshness, Query, Reconcile, RowCount
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import StatementError
from tidemark.layers import mirror, samples
from tidemark.layers.checks import Measured
from tidemark.layers.mirror import Mirror
from tidemark.model import CheckResult, Suspect
from tidemark.postgres import compose, db, question
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question

_MOST = 10_000
"""With more bad keys, all rows of the batch are suspects."""


def of(session: Session, one: Measured) -> list[Suspect]:
    """Return the rows that break a check, which is broken."""
    check, entity = one.placed.check, one.placed.entity
    if isinstance(check, Freshness):
        return []  # What is there may be old, and is not wrong.
    if isinstance(check, RowCount | Reconcile):
        return _all(one)
    keys = samples.sample(session, one, few=_MOST + 1)
    if isinstance(check, Query):
        return _named(one, keys)
    if entity is None or len(keys) > _MOST:
        return _all(one)
    named = one.others[entity].key
    return [(entity, {name: key[name] for name in named}) for key in keys if {*named} <= {*key}]


def _all(one: Measured) -> list[Suspect]:
    entities = [one.placed.entity] if one.placed.entity else [*one.others]
    return [(name, {}) for name in entities if name]


def _named(one: Measured, keys: Sequence[Mapping[str, object]]) -> list[Suspect]:
    """Find the entity whose keys a query returns; of several, or none, all rows are suspects."""
    columns = {*keys[0]} if keys else set()
    asked = [one.placed.entity] if one.placed.entity else [*one.others]
    whose = [name for name in asked if name and {*one.others[name].key} == columns]
    if len(whose) != 1 or len(keys) > _MOST:
        return _all(one)
    return [(whose[0], key) for key in keys]


def keep(stg: Session, area: Area, results: Sequence[CheckResult], *, after: int) -> None:
    """Keep the suspects of checks that are open, in a transaction of STG.

    Args:
        stg: in a transaction.
        area: that of the checks.
        results: what checks found, in any layer.
        after: the last batch before those that they have judged.
    """
    for result in results:
        if not result.is_open:
            continue
        for name, found in groupby(sorted(result.suspects, key=repr), lambda one: one[0]):
            entity = area.entities.get(name)
            if entity is not None and _has_history(entity):
                keys = [key for _, key in found]
                _keep(stg, area, entity, keys, check=result.check, after=after)


def _has_history(entity: Entity) -> bool:
    """Whether the star shows older versions than the last one of a mirror."""
    return entity.dimension is not None and not entity.is_observed


def _keep(
    stg: Session,
    area: Area,
    entity: Entity,
    keys: Sequence[Mapping[str, object]],
    *,
    check: str,
    after: int,
) -> None:
    parts: Parts = {
        "area": db.literal(area.area),
        "entity": db.literal(entity.name),
        "check": db.literal(check),
    }
    named = [dict(key) for key in keys if key]
    if named:
        target = mirror.bare(entity, "stg")
        statement = compose.statement(
            __name__,
            "keep",
            parts,
            mirror=target.name,
            key=Columns(target.key),
            keys=db.literal(db.Json(named)),
        )
        try:
            with stg.savepoint():
                stg.run(statement)
            return
        except StatementError:
            pass  # Keys of MRR may be such that STG's key can't hold them.
    keep_all = compose.statement(__name__, "keep_all", parts, after=db.literal(after))
    stg.run(keep_all)


def entities(area: Area) -> Question[dict[str, bool]]:
    """Ask STG which entities have suspects -> whether nothing was published since some of them."""
    return question.of(compose.statement(__name__, "entities"), {"area": area.area}, dict)


def without(
    versions: Composable,
    target: Mirror,
    *,
    area: str,
    entity: str,
    columns: Sequence[str],
    published: int,
) -> Composable:
    """Leave suspects out of the query of an entity's versions, those that were replaced in time.

    Args:
        versions: the query.
        target: the mirror in STG.
        area: of the entity.
        entity: its name.
        columns: what the query returns, with the key and the lineage.
        published: the last batch that its table in the DWH has.
    """
    return compose.statement(
        __name__,
        "without",
        versions=versions,
        columns=Columns(tuple(columns)),
        area=db.literal(area),
        entity=db.literal(entity),
        mirror=target.name,
        history=target.history,
        key=Columns(target.key),
        published=db.literal(published),
    )


def settle(stg: Session, area: str, published: Mapping[str, int]) -> None:
    """Note up to which batch versions have been published: entity -> batch."""
    which = {"area": area, "entities": list(published), "batches": list(published.values())}
    stg.run(compose.statement(__name__, "settle"), which)
