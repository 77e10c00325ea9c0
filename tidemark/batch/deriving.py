"""The last step of the stage hop: rows that are made of other entities' rows (`layers/derived`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tidemark.declare.config import Area
from tidemark.layers import cleanse, derived
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.ledger import Applied
from tidemark.model import Repair
from tidemark.postgres.db import Session
from tidemark.results import Counts


@dataclass(frozen=True, slots=True)
class Lacking:
    """What STG lacks of an area when a stage hop begins."""

    area: Area
    after: int
    """The last batch that STG has applied."""
    batches: Mapping[int, Applied]
    """Those that it applies now."""
    again: Mapping[str, bool]
    """Entity -> whether its table is new, of those of which all rows are taken."""
    repair: Repair | None
    """Names rows that differ from what they should be."""


def run(
    stg: Session,
    lacking: Lacking,
    written: Collection[str],
    counts: Mapping[str, Counts],
    cleansings: Mapping[str, Cleansing],
) -> set[str]:
    """Make the derived rows that batches touch, once, as rows of the last of these batches.

    Args:
        stg: in the transaction that has written the rows of the inputs.
        lacking: what the hop brings.
        written: entities of which rows may have been written.
        counts: entity -> what the hop has done; the results are added.
        cleansings: how entities are cleansed; empty if nothing has asked for it yet.

    Returns:
        The derived entities of which rows may have been written.
    """
    area, batches, todo = lacking.area, lacking.batches, _to_make(lacking, written)
    if not todo:
        return set()
    last = max(batches)
    derivations = derived.read(stg, area, cleansings or cleanse.read(stg, area))
    made: set[str] = set()
    for name, is_whole in todo.items():
        derivation, own = derivations[name], counts[name]
        changed = sum(counts[one].processed for one in derivation.inputs)
        since = None if is_whole else lacking.after
        landed = derived.land(stg, derivation, after=since, batch_id=last, rows=changed)
        own.processed = landed.rows
        if not landed:
            continue
        made.add(name)
        cleanse.apply(stg, derivation.cleansing, {last: batches[last]}, own)
        own.warning = landed.warning(derivation.entity)
    return made


def _to_make(lacking: Lacking, written: Collection[str]) -> dict[str, bool]:
    """Find the derived entities that are made: entity -> whether all of its rows are.

    That is so in the first batch, and where the versions of an input have the batches in which MRR
    got them, since no batch says then which of them are new.
    """
    todo: dict[str, bool] = {}
    again, repair = lacking.again, lacking.repair
    for entity in lacking.area.derived:
        is_whole = (
            not lacking.after
            or entity.name in again
            or any(again.get(name) for name in entity.made_of)
            or (repair is not None and repair.names(entity.name))
        )
        if is_whole or any(name in written or name in todo for name in entity.made_of):
            todo[entity.name] = is_whole
    return todo
