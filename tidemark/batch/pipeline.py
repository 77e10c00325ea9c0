"""A batch from end to end; the only module that knows the order of the hops."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple

from tidemark import sources
from tidemark.batch import (
    extract,
    notify,
    publish,
    retention,
    stage,
    telling,
)
from tidemark.batch.journal import Journal, locked, reason
from tidemark.declare import sharing
from tidemark.declare.config import Area
from tidemark.declare.settings import NO_RETENTION
from tidemark.errors import ConnectError, TidemarkError
from tidemark.layers import ledger
from tidemark.model import HOPS, NO_OVERRIDES, Hop, Layer, Overrides
from tidemark.postgres import retries
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult, HopResult

Report = Callable[[HopResult], None]


def run(
    servers: Servers,
    area: Area,
    *,
    overrides: Overrides = NO_OVERRIDES,
    report: Report | None = None,
    is_patient: bool = False,
    prunes: bool = True,
) -> BatchResult:
    """Run one batch of an area through the three hops.

    Args:
        servers: those of the project.
        area: what to run.
        overrides: what a person asks of the extraction.
        report: called after each hop with what it did.
        is_patient: whether to wait for another process that works on the area.
        prunes: whether to apply the area's retention behind it.

    Raises:
        UnknownNameError: the overrides name no entity of the area.
        LockedError: another process works on the area; nothing was done. Areas that share
            dimensions are locked for each other, so a run of one waits before it says so.
        TidemarkError: of the hop that failed. Hops before it stand, and the next batch goes on
            from there; the batch and the hop are logged as FAILED.
    """
    beside = sharing.beside(area)
    with (
        notify.of_batch(servers, area),
        locked(
            servers, area, "run", beside=beside, is_patient=is_patient or bool(beside)
        ) as journal,
    ):
        batch_id = _begin(servers, area, journal)
        hops = []
        for hop in HOPS:
            hops.append(_run_hop(servers, area, hop, batch_id, journal, overrides=overrides))
            if report:
                report(hops[-1])
        if prunes:
            _prune(servers, area, batch_id, journal)
    return BatchResult(area.area, batch_id, tuple(hops))


def begin(servers: Servers, area: Area) -> int:
    """Open a batch whose hops are then run one by one, each in a process of its own."""
    with locked(servers, area, "run") as journal:
        return _begin(servers, area, journal)


def run_hop(
    servers: Servers,
    area: Area,
    hop: Hop,
    batch_id: int | None = None,
    *,
    overrides: Overrides = NO_OVERRIDES,
) -> HopResult:
    """Run one hop in a process of its own; without `batch_id` it opens a batch.

    Each hop applies all that its receiver lacks, so hops may be retried, skipped and interleaved.
    Several may be due at the same time, so one waits for those that work on its area.

    Raises:
        LockedError: another process works on the area, and did not end in time.
    """
    beside = sharing.beside(area) if hop == "publish" else ()
    with (
        notify.of_batch(servers, area, is_over=hop == HOPS[-1]),
        locked(servers, area, "run", beside=beside, is_patient=True) as journal,
    ):
        batch_id = batch_id or _begin(servers, area, journal)
        result = _run_hop(servers, area, hop, batch_id, journal, overrides=overrides)
        if hop == HOPS[-1]:
            _prune(servers, area, batch_id, journal)
        return result


def _begin(servers: Servers, area: Area, journal: Journal) -> int:
    """Open a batch whose id no layer has used: a restored DWH gives out old ids again."""
    layers: tuple[Layer, ...] = ("mrr", "stg")
    applied = [0]
    for layer in layers:
        # A layer that can't be reached stops its own hop, and no hop before it.
        with suppress(ConnectError), servers.session(layer, f"begin {area.area}") as session:
            applied.append(ledger.last_applied(session, area.area))
    return journal.begin(applied=max(applied))


def _run_hop(
    servers: Servers,
    area: Area,
    hop: Hop,
    batch_id: int,
    journal: Journal,
    *,
    overrides: Overrides,
) -> HopResult:
    def attempt() -> HopResult:
        return _HOPS[hop](servers, area, batch_id, overrides)

    def failed(error: TidemarkError) -> None:
        # After a restart of a server its sessions are dead. Sessions in use are closed already.
        servers.close()
        journal.retry(hop, batch_id, error)

    try:
        with journal.logged(hop, batch_id) as told:
            result = retries.until_done(attempt, failed)
            told.counts.update(result.entities)
            told.checks = result.checks
    except BaseException as error:
        with suppress(ConnectError):
            journal.fail(batch_id, f"{hop}: {reason(error)}", by=error)
        raise
    if hop == "publish":
        telling.published(area.area, batch_id)
    return result


def _prune(servers: Servers, area: Area, batch_id: int, journal: Journal) -> None:
    """Apply the retention. A failure is only logged: the batch is published already."""
    if area.retention == NO_RETENTION:
        return
    try:
        gone = retention.apply(servers, area, batch_id)
    except TidemarkError as error:
        with suppress(ConnectError):
            journal.note("retention", batch_id, error=str(error))
    else:
        if any(astuple(gone)):
            journal.note("retention", batch_id, deleted=sum(astuple(gone)))


_HOPS: dict[Hop, Callable[[Servers, Area, int, Overrides], HopResult]] = {
    "extract": lambda servers, area, batch_id, overrides: extract.run(
        servers, area, batch_id, sources.of(servers, area), overrides=overrides
    ),
    "stage": lambda servers, area, batch_id, overrides: stage.run(
        servers, area, batch_id, overrides=overrides
    ),
    "publish": lambda servers, area, batch_id, overrides: publish.run(
        servers, area, batch_id, overrides=overrides
    ),
}
