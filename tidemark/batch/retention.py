"""Delete what is older than area.yml keeps: logs, replaced versions, resolved rejects.

It runs after the publish, while people read the star. So every statement is a transaction of its
own that deletes few rows. What is left when it is interrupted is deleted after the next batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tidemark.declare.config import Area
from tidemark.layers import ledger, mirror
from tidemark.model import LAYERS, Layer
from tidemark.postgres import compose
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers

STEP = 10_000
"""The most rows that one transaction deletes."""

_RECEIVERS: tuple[tuple[Layer, Layer], ...] = (("mrr", "stg"), ("stg", "dwh"))


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    logs: int
    history: int
    rejects: int
    batches: int = 0


def apply(servers: Servers, area: Area, batch_id: int) -> Pruned:
    """Delete what is older than the area's retention.

    Args:
        servers: those of the project.
        area: what to keep; its lock is held.
        batch_id: the batch that was published just now; its logs stay.

    Raises:
        TidemarkError: of a statement. What others deleted before stays deleted.
    """
    keep = area.retention
    which = {"area": area.area, "batch_id": batch_id, "rows": STEP}
    return Pruned(
        logs=_delete(servers, "dwh", "logs", keep.logs, which)
        + _delete(servers, "dwh", "check_logs", keep.logs, which)
        + _delete(servers, "dwh", "alerts", keep.logs, which),
        history=sum(
            _history(servers, area, layer, receiver, keep.history)
            for layer, receiver in _RECEIVERS
            if keep.history is not None
        ),
        rejects=_delete(servers, "stg", "rejects", keep.rejects, which)
        + _delete(servers, "mrr", "refused", keep.rejects, which),
        batches=0 if keep.batches is None else _batches(servers, which, keep.batches),
    )


def history_start(session: Session, area: str) -> int:
    """Read up to which batch a layer has deleted the versions that were replaced; 0: none yet."""
    return int(session.value(compose.statement(__name__, "history_start"), {"area": area}))


def _delete(
    servers: Servers, layer: Layer, what: str, keep: timedelta | None, which: Mapping[str, object]
) -> int:
    if keep is None:
        return 0
    with servers.session(layer, f"retention {which['area']}") as session:
        return _in_steps(session, compose.statement(__name__, what), {**which, "keep": keep})


def _in_steps(session: Session, statement: Composable, which: Mapping[str, object]) -> int:
    deleted = 0
    while step := session.run(statement, which):
        deleted += step
    return deleted


def _batches(servers: Servers, which: Mapping[str, object], keep: timedelta) -> int:
    """Delete batches that began longer ago than `keep`, and that all layers have applied.

    A receiver goes first: a layer that knows more batches than the one before it would look as if
    that one had been restored.
    """
    area, applied = str(which["area"]), []
    for layer in LAYERS:
        with servers.session(layer, f"retention {area}") as session:
            applied.append(ledger.last_applied(session, area))
    with servers.session("dwh", f"retention {area}") as dwh:
        asked = {**which, "keep": keep, "applied": min(applied)}
        until = dwh.value(compose.statement(__name__, "last_to_go"), asked)
        which = {**which, "until": until}
        deleted = _in_steps(dwh, compose.statement(__name__, "batches"), which) if until else 0
    for layer in reversed(LAYERS) if until else ():
        with servers.session(layer, f"retention {area}") as session:
            session.run(compose.statement(__name__, "move_ledger_start"), which)
            _in_steps(session, compose.statement(__name__, "applied"), which)
    return deleted


def _history(servers: Servers, area: Area, layer: Layer, receiver: Layer, keep: timedelta) -> int:
    """Delete versions that were replaced longer ago than `keep`.

    Only those that the receiving layer has applied: it still needs the others.
    """
    with servers.session(receiver, f"retention {area.area}") as session:
        applied = ledger.last_applied(session, area.area)
    deleted = 0
    with servers.session(layer, f"retention {area.area}") as session:
        which = {"area": area.area, "applied": applied, "keep": keep}
        after = history_start(session, area.area)
        until = session.value(compose.statement(__name__, "history_end"), {**which, "after": after})
        if until > after:
            kept = area.sourced if layer == "mrr" else area
            for entity in kept.entities.values():
                history = mirror.bare(entity, layer).history
                replaced = compose.statement(__name__, "history", history=history)
                deleted += _in_steps(session, replaced, {"until": until, "rows": STEP})
            move = compose.statement(__name__, "move_history_start")
            session.run(move, {"area": area.area, "batch_id": until})
    return deleted
