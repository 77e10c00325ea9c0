"""What the three hops share: a receiver to which nobody else writes, counts, and a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.model import CheckResult, Hop, Layer
from tidemark.postgres import locks
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers
from tidemark.results import Counts, HopResult

T = TypeVar("T")

_RECEIVERS: Mapping[Hop, Layer] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}


@dataclass(frozen=True, slots=True)
class Running(Generic[T]):
    """A hop at work."""

    hop: Hop
    area: str
    batch_id: int
    receiver: Session
    """A session on the layer that the hop writes to."""
    known: T
    """What that layer answered before the hop began."""
    counts: Mapping[str, Counts]
    """Entity -> what the hop has done; AREA.ENTITY for those of other areas that it may write."""
    began: float
    """`time.monotonic()` when the hop began."""
    checks: list[CheckResult] = field(default_factory=list)
    """What checks have found; the hop adds to it."""

    def result(self) -> HopResult:
        """Return what the hop has done until now."""
        seconds = time.monotonic() - self.began
        return HopResult(
            self.hop, self.area, self.batch_id, seconds, self.counts, tuple(self.checks)
        )


@contextmanager
def begun(
    servers: Servers,
    area: Area,
    hop: Hop,
    batch_id: int,
    *,
    asks: Callable[[Session, Area], Question[T]],
) -> Iterator[Running[T]]:
    """Let only one hop write the area's rows in the receiving layer, for the block.

    Args:
        servers: those of the project.
        area: what the hop moves.
        hop: decides the layer.
        batch_id: the batch that runs.
        asks: makes the question whose answer the hop has to know before it begins.

    Raises:
        LockedError, OvertakenError: see `locks.writing`.
    """
    began = time.monotonic()
    # Only a publish writes what belongs to other areas too (`sharing`).
    is_shared = hop == "publish"
    beside = sharing.beside(area) if is_shared else ()
    others = sharing.written(area) if is_shared else ()
    counts = {name: Counts() for name in (*area.entities, *others)}
    with (
        servers.session(_RECEIVERS[hop], f"{hop} {area.area}") as receiver,
        locks.writing(servers, receiver, area.area, asks(receiver, area), beside=beside) as known,
    ):
        yield Running(hop, area.area, batch_id, receiver, known, counts, began)
