"""Versions that a rebuild can't derive again: retention deleted them, or a backup was older."""

from __future__ import annotations

from collections.abc import Sequence

from tidemark.batch import retention
from tidemark.declare.config import Area
from tidemark.errors import LostHistoryError
from tidemark.layers import ledger
from tidemark.layers.ledger import Lost
from tidemark.postgres.db import Session
from tidemark.trust.compare import Origin


def batches(mrr: Session, stg: Session, dwh: Session, area: Area, origin: Origin) -> list[Lost]:
    """Find the batches from which a rebuild can't derive a layer again."""
    staged = ledger.lost(mrr, stg, area) if origin == "stg" else None
    published = ledger.lost(stg, dwh, area, but=staged)
    return [found for found in (staged, published) if found]


def refuse_deleted(sender: Session, area: Area) -> None:
    """Refuse to derive again what comes of versions that retention has deleted.

    Raises:
        LostHistoryError: it has deleted some.
    """
    start = retention.history_start(sender, area.area)
    if start:
        raise LostHistoryError(
            f"{sender.server}: retention has deleted the versions of {area.area} that batches up "
            f"to {start} replaced, so a rebuild would remove the rows derived from them. See which "
            "with `tidemark rebuild --dry-run`, and add --accept-lost-history to remove them."
        )


def refuse(mrr: Session, area: Area, lost: Sequence[Lost]) -> None:
    """Refuse to derive again what comes of batches that a layer before has lost.

    Raises:
        LostHistoryError: there are some.
    """
    if not lost:
        return
    still = ledger.applied_after(mrr, area.area, 0)
    remedy = (
        "Do `tidemark run` first: mrr still has them."
        if any(batch_id in still for one in lost for batch_id in one.batches)
        else "See what would be removed with `tidemark rebuild --dry-run`, and add "
        "--accept-lost-history to remove it."
    )
    raise LostHistoryError(f"{'; '.join(map(str, lost))}. {remedy}")
