"""Batches, ETL logs and the locks of areas: what stays true when a hop's transaction rolls back.

The journal has two sessions of its own on the DWH. One writes, in autocommit, so that a failure is
logged although the hop rolls back. The other one holds the area's lock (`locks`), and those of
areas that share a dimension with it. When either breaks, the journal opens both again, takes the
locks again, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Literal, TypeVar

from tidemark import logs
from tidemark.batch import telling
from tidemark.batch.telling import Told
from tidemark.declare.config import Area
from tidemark.errors import ConnectError, DeleteGuardError, GateError, TidemarkError
from tidemark.model import CheckResult, Hop
from tidemark.postgres import compose, db, locks, retries
from tidemark.postgres.db import Parameters, Session
from tidemark.postgres.sessions import Servers
from tidemark.results import Counts

T = TypeVar("T")


@contextmanager
def locked(
    servers: Servers,
    area: Area,
    purpose: str,
    *,
    beside: Collection[str] = (),
    is_patient: bool = False,
) -> Iterator[Journal]:
    """Hold an area's lock for the block, and yield its journal; see `locks.hold`.

    Raises:
        LockedError: another process holds it; the message says which.
    """
    purpose = f"{purpose} {area.area}"
    with servers.session("dwh", purpose) as session, servers.session("dwh", purpose) as holder:
        journal = Journal(session, holder, area)
        with journal.held(beside, is_patient=is_patient):
            yield journal


class Journal:
    """The journal of one area."""

    def __init__(self, session: Session, holder: Session, area: Area) -> None:
        self._session = session
        """It writes."""
        self._holder = holder
        """It holds the locks, in a transaction that stays open."""
        self._area = area
        self._is_held = False
        """Whether `_resume` has to take the locks again."""
        self._beside: Collection[str] = ()
        """Areas whose locks are held beside that of the area."""
        self._ended: Parameters = None
        """The end of a hop that is not written yet. It is sent in one message with what follows."""
        self._is_lost = False
        """Whether the DWH did not come back when it was waited for. It is waited for only once."""

    @contextmanager
    def held(self, beside: Collection[str], *, is_patient: bool) -> Iterator[None]:
        """Hold the locks for the block; see `locked`."""
        self._beside = beside
        with logs.within(self._area.area):
            try:
                self._hold("nothing was done", is_patient=is_patient)
                self._is_held = True
                yield
                self._write_ended()
            except BaseException:
                with suppress(TidemarkError):
                    self._write_ended()
                raise
            finally:
                self._is_held = False
                self._release()

    def _hold(self, so_far: str, *, is_patient: bool = False) -> None:
        locks.hold(
            self._holder, self._area.area, so_far, beside=self._beside, is_patient=is_patient
        )

    def _release(self) -> None:
        """Let go of the locks. The server frees those of a connection that broke."""
        if not self._holder.is_closed:
            with suppress(ConnectError):
                self._holder.run("rollback")

    def begin(self, *, applied: int) -> int:
        """Open a batch, and return its id.

        The id is above `applied`, the last batch that any layer has applied: a DWH restored from a
        backup would else use ids again. Batches that still say RUNNING become FAILED. This process
        holds the lock, so theirs were killed.
        """
        message = {
            "area": self._area.area,
            "message": "Not finished when the next batch began: killed, or its last hop not run.",
        }
        begin = compose.statement(__name__, "begin")
        batch_id = int(self._session.value(begin, message))
        if batch_id <= applied:
            self.fail(batch_id, f"Batch {batch_id} was used before the warehouse was restored.")
            self._session.run(compose.statement(__name__, "skip_used_ids"), {"applied": applied})
            batch_id = int(self._session.value(begin, message))
        telling.begun(self._area.area, batch_id)
        return batch_id

    def fail(self, batch_id: int, message: str, *, by: BaseException | None = None) -> None:
        """End a batch as FAILED."""
        which = {"batch_id": batch_id, "message": message, "failed_by": _failed_by(by)}
        self._surely(lambda: self._session.run(compose.statement(__name__, "fail_batch"), which))

    def retry(self, hop: Hop, batch_id: int, error: TidemarkError) -> None:
        """Log that an attempt of a hop has failed and that another one follows.

        Raises:
            LockedError: the DWH was away, and another process took the area's lock meanwhile.
        """
        which = {"batch_id": batch_id, "hop": hop, "error": str(error)}
        self._surely(lambda: self._session.run(compose.statement(__name__, "retry"), which))

    def _surely(self, write: Callable[[], T]) -> T:
        """Write while the lock is held; if a connection broke, on a new one.

        The DWH is waited for once in the life of a journal. A process that logs its failure because
        the DWH is away must not wait for it again.
        """
        try:
            self._still_hold()
            return self._with_ended(write)
        except ConnectError:
            if self._is_lost:
                raise
            self._is_lost = True
            retries.until_done(self._resume)
            self._is_lost = False
            return self._with_ended(write)

    def _with_ended(self, write: Callable[[], T]) -> T:
        """Write, and before that the end of the last hop, in one message."""
        if self._ended:
            self._session.queue(compose.statement(__name__, "end"), self._ended)
        result = write()
        self._ended = None
        return result

    def _write_ended(self) -> None:
        """Write the end of the last hop, since nothing else follows it."""
        if self._ended:
            self._surely(self._session.flush)

    def _still_hold(self) -> None:
        # A server that ends a connection sends a message there. Otherwise nothing ever arrives, so
        # this costs a round trip only when something is wrong.
        if self._is_held and self._holder.has_news:
            self._holder.run("select")

    def _resume(self) -> None:
        self._session.reopen()
        if self._is_held:
            self._holder.reopen()
            self._hold(
                "it took the lock while the DWH was away from this one, which goes no further"
            )

    def note(self, process: str, batch_id: int, *, deleted: int = 0, error: str = "") -> None:
        """Log work that is no hop, such as retention, after it has ended."""
        self._session.run(
            compose.statement(__name__, "note"),
            {
                "process": f"{self._area.area}.{process}",
                "area": self._area.area,
                "batch_id": batch_id,
                "status": "FAILED" if error else "SUCCESS",
                "deleted": deleted,
                "message": error or None,
            },
        )
        telling.noted(self._area.area, batch_id, process, deleted=deleted, error=error)

    @contextmanager
    def logged(self, hop: Hop | Literal["rebuild"], batch_id: int | None) -> Iterator[Told]:
        """Log the block as a run of `hop`. A rebuild belongs to no batch.

        The block says what was done. The run has one row, one more for each entity that has
        something to report (`Counts.is_telling`), and those of its checks. An exception marks the
        run's row as FAILED and is raised again.
        """
        told = Told()
        with telling.run(self._area.area, hop, batch_id, told):
            yield from self._logged(hop, batch_id, told)

    def _logged(
        self, hop: Hop | Literal["rebuild"], batch_id: int | None, told: Told
    ) -> Iterator[Told]:
        which = {"area": self._area.area, "hop": hop, "batch_id": batch_id}
        start = compose.statement(__name__, "start")
        log_id = int(self._surely(lambda: self._session.value(start, which)))
        try:
            yield told
        except BaseException as error:
            # An error of the journal must not hide the one that ended the hop. Rows that still say
            # RUNNING are ended by the next batch.
            with suppress(TidemarkError):
                checks = error.checks if isinstance(error, GateError) else ()
                self._end(log_id, Told(checks=checks), "FAILED", reason(error))
            raise
        self._end(log_id, told, "SUCCESS", None)

    def _end(self, log_id: int, done: Told, status: str, message: str | None) -> None:
        counts, whole = done.counts, Counts()
        for one in counts.values():
            whole.add(one)
        shared = _shared([_info(one) for one in counts.values()]) | _bound(counts.values())
        warnings = {name: done.warning(name) for name in counts}
        told = [
            {
                "entity": name,
                "status": "WARNING" if warnings[name] else "SUCCESS",
                "message": warnings[name],
                **one.as_dict(),
                "info": _info(one),
            }
            for name, one in counts.items()
            if one.is_telling or warnings[name]
        ]
        ended = {
            "log_id": log_id,
            "status": status,
            "message": message,
            **whole.as_dict(),
            "info": db.Json(_with_rejected(shared, whole)),
            "entities": db.Json(told),
            "checks": db.Json([_logged(check) for check in done.checks]),
        }
        self._ended = ended


def _logged(check: CheckResult) -> dict[str, object]:
    """Return the row of a check in `dq_check_logs`."""
    return {
        "entity": check.entity,
        "check_name": check.check,
        "layer": check.layer,
        "severity": check.severity,
        "status": check.status,
        "result_value": None if check.value is None else str(check.value),
        "bound": check.bound,
        "message": check.message,
        "sample": list(check.sample),
        "duration": round(check.seconds, 6),
        "accepted_by": check.accepted_by,
    }


def _failed_by(error: BaseException | None) -> str | None:
    """Return the name of what a batch failed by; see the comment of `etl_batches.failed_by`."""
    match error:
        case GateError():
            return "check"
        case DeleteGuardError():
            return "delete_guard"
        case ConnectError():
            return f"server:{error.server}"
    return None


def reason(error: BaseException) -> str:
    """Return what a log says of the error that ended a hop."""
    return str(error) if isinstance(error, Exception) else "interrupted"


def _info(counts: Counts) -> dict[str, object]:
    return _with_rejected(counts.info, counts)


def _with_rejected(info: Mapping[str, object], counts: Counts) -> dict[str, object]:
    """Add the rejects, for which `etl_logs` has no column."""
    return {**info, **({"rejected": counts.rejected} if counts.rejected else {})}


def _bound(counts: Iterable[Counts]) -> dict[str, object]:
    """Say how far a hop has read its source: up to the earliest bound, one that is held back first.

    Entities may differ in that, and those of which nothing moved have no row of their own.
    """
    looks = [one.look for one in counts if one.look and one.look.window.high]
    if not looks:
        return {}
    first = min(looks, key=lambda look: (look.window.held_by is None, look.info["high"]))
    return {what: first.info[what] for what in _BOUND if what in first.info}


_BOUND = ("high", "source_clock", "held_back_by")


def _shared(told: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the entries that all have with the same value, such as the source's clock."""
    first, *others = told or [{}]
    return {
        what: value
        for what, value in first.items()
        if all(what in other and other[what] == value for other in others)
    }
