"""Take events out of a queue into the inbox: each once, however often its message comes.

A message is deleted when what it says is committed in MRR: as an event of the inbox, or, if it can
be none, as a refused one. Who dies in between finds it there when the message comes again. What
passes (PostgreSQL or the queue is away) neither refuses a message nor deletes it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from tidemark import logs
from tidemark.batch.sqs import MOST, Message, Queue
from tidemark.batch.stopping import Stopping
from tidemark.declare.envelope import Reader, Sound, Wrong
from tidemark.errors import ConnectError, StatementError, TidemarkError
from tidemark.layers import inbox, refused_events
from tidemark.layers.inbox import Outcome, Posted
from tidemark.postgres.sessions import Servers

T = TypeVar("T")

log = logs.named(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
"""Seconds between attempts: they double, each with a part that is random."""

TELL_EVERY = 0.05
"""Seconds: a worker is woken no more often."""

_GOODBYE = 10
"""Seconds in which a request that holds messages may end."""
_CONFLICT = "event_id: the inbox has another event with this id"
_UNFIT = "payload: PostgreSQL can't keep it"
_OF_DATA = {"22", "23", "54"}
_FOR_GOOD = _OF_DATA | {"28", "3D", "3F", "42"}
"""Classes of SQLSTATEs that do not end by themselves: data, logins, names, rights."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a queue is consumed."""

    batch_size: int = 100
    """The most messages that one commit takes."""
    wait: int = 20
    """Seconds that a receive waits for the first message."""
    visibility: int = 60
    """Seconds for which a message is hidden from others, and then again while it is in hand."""
    until: Literal["signal", "once", "empty"] = "signal"
    """When it ends, beside a signal: behind one batch, or when no message has come."""


@dataclass(frozen=True, slots=True)
class Consumed:
    """What became of messages and events."""

    queue: str
    messages: int
    deleted: int
    stored: int
    repeated: int
    refused: int


class Consumer:
    """Takes the events of one queue."""

    def __init__(
        self, servers: Servers, reader: Reader, queue: Queue, manner: Manner, stopping: Stopping
    ) -> None:
        self._servers, self._reader, self._queue = servers, reader, queue
        self._manner, self._stopping = manner, stopping
        self._counts: Counter[str] = Counter()
        self._has_worked = False
        self._untold: set[str] = set()
        self._told_at = 0.0

    def run(self) -> Consumed:
        """Consume until it is over.

        Raises:
            TidemarkError: of a kind that does not pass. The messages in hand were given back.
        """
        with self._servers.session("mrr", "consume"):
            self._has_worked = True
        found = self._stopping.unless_asked(lambda: self._patiently(self._find))
        while found and not self._stopping.asked.is_set():
            messages = self._stopping.unless_asked(self._received) or []
            if messages and not self._stopping.asked.is_set():
                messages = self._more(messages)
            if messages:
                self._take(messages)
            self._tell(may_wait=len(messages) < self._manner.batch_size)
            if self._manner.until == "once" or (self._manner.until == "empty" and not messages):
                break
        consumed = self._consumed()
        log.info("%s: the end: %s", self._queue.name, _said(self._counts))
        return consumed

    def _consumed(self) -> Consumed:
        names = ("messages", "deleted", "stored", "repeated", "refused")
        return Consumed(self._queue.name, *(self._counts[name] for name in names))

    def _find(self) -> bool:
        self._queue.find()
        return True

    def _received(self) -> list[Message]:
        return self._patiently(lambda: self._receive(self._manner.batch_size, self._manner.wait))

    def _receive(self, count: int, wait: int) -> list[Message]:
        return self._queue.receive(count, wait=wait, visibility=self._manner.visibility)

    def _more(self, messages: list[Message]) -> list[Message]:
        """Receive what else is there, up to a batch."""
        last, size = len(messages), self._manner.batch_size
        with suppress(ConnectError):  # What is in hand is taken first.
            while last >= MOST and len(messages) < size:
                more = self._receive(size - len(messages), 0)
                messages, last = messages + more, len(more)
        return messages

    def _take(self, messages: Sequence[Message]) -> None:
        """Keep what messages say, and delete them; what fails for good gives them back."""
        before = self._counts.copy()
        self._counts["messages"] += len(messages)
        with self._held(messages):
            try:
                self._keep(messages)
                left = self._patiently(lambda: self._queue.delete(messages))
                self._counts["deleted"] += len(messages) - len(left)
            except TidemarkError as error:
                with suppress(TidemarkError):
                    self._queue.extend(messages, 0)
                if not (self._passes(error) and self._stopping.asked.is_set()):
                    raise
                log.warning("%s: %s The messages come again.", self._queue.name, error)
        done = self._counts - before
        about = logs.fields(queue=self._queue.name, **done)
        log.info("%s: %s", self._queue.name, _said(done), extra=about)

    def _keep(self, messages: Sequence[Message]) -> None:
        sound: dict[str, list[Sound]] = {}
        wrong: list[Wrong] = []
        for message in messages:
            for event in self._reader.read(message.body, message.message_id):
                if isinstance(event, Wrong):
                    wrong.append(event)
                else:
                    sound.setdefault(event.area, []).append(event)
        for area, events in sound.items():
            wrong += self._post(area, events)
        if wrong:
            self._refuse(wrong)

    def _post(self, area: str, events: Sequence[Sound]) -> Iterator[Wrong]:
        """Post events of an area, and yield those that the inbox does not take."""
        told = self._patiently(lambda: self._posted(area, events))
        self._counts.update(outcome for outcome in told if outcome in {"stored", "repeated"})
        if "stored" in told:
            self._untold.add(area)
        for event, outcome in zip(events, told, strict=True):
            if outcome in {"conflicting", "unfit"}:
                yield event.refused(_CONFLICT if outcome == "conflicting" else _UNFIT)

    def _posted(self, area: str, events: Sequence[Sound]) -> list[Outcome | Literal["unfit"]]:
        """Post events in one commit, or, if PostgreSQL refuses the data of one, in several."""
        try:
            with self._servers.session("mrr", "consume") as mrr:
                ready = [Posted(one.event_id, one.kind, one.payload) for one in events]
                return [*inbox.post(mrr, area, ready)]
        except StatementError as error:
            if (error.sqlstate or "")[:2] not in _OF_DATA:
                raise
        if len(events) == 1:
            return ["unfit"]
        half = len(events) // 2
        return self._posted(area, events[:half]) + self._posted(area, events[half:])

    def _refuse(self, events: Sequence[Wrong]) -> None:
        def keep() -> int:
            with self._servers.session("mrr", "consume") as mrr:
                return refused_events.keep(mrr, self._queue.name, events)

        new = self._patiently(keep)
        self._counts["refused"] += new
        self._counts["repeated"] += len(events) - new
        reasons = Counter(reason for one in events for reason in one.reasons)
        said = "; ".join(f"{reason} ({times})" for reason, times in reasons.most_common(5))
        log.warning("%s: %d refused: %s", self._queue.name, new, said)

    def _tell(self, *, may_wait: bool) -> None:
        """Wake who waits for events of areas, if that is not too often."""
        due = self._told_at + TELL_EVERY - time.monotonic()
        if not self._untold or (due > 0 and not may_wait):
            return
        time.sleep(max(due, 0))
        try:
            with self._servers.session("mrr", "consume") as mrr:
                inbox.tell(mrr, self._untold)
        except TidemarkError as error:
            log.warning("%s: no worker was woken: %s", self._queue.name, error)
        self._untold.clear()
        self._told_at = time.monotonic()

    @contextmanager
    def _held(self, messages: Sequence[Message]) -> Iterator[None]:
        """Keep messages from others while they are in hand."""
        done, seconds = threading.Event(), self._manner.visibility

        def extend() -> None:
            while not done.wait(seconds / 3):
                try:
                    failed = self._queue.extend(messages, seconds)
                except TidemarkError as error:
                    log.warning("%s", error)
                else:
                    about = logs.fields(queue=self._queue.name, failed=failed)
                    held = len(messages) - failed
                    log.info("%s: %d held for longer", self._queue.name, held, extra=about)

        thread = threading.Thread(target=extend, name="tidemark-held", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(_GOODBYE)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do work that may be done twice, again and again until it is done or the end is asked for.

        Raises:
            TidemarkError: it fails for good; or it fails, and the end is asked for.
        """
        import tenacity

        asked = self._stopping.asked
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._passes),
            stop=tenacity.stop_when_event_set(asked),
            wait=tenacity.wait_exponential(FIRST_WAIT, LONGEST_WAIT)
            + tenacity.wait_random(0, FIRST_WAIT),
            sleep=tenacity.sleep_using_event(asked),
            before_sleep=self._warn,
            reraise=True,
        )(work)

    def _passes(self, error: BaseException) -> bool:
        if isinstance(error, StatementError):
            return error.is_transient or (error.sqlstate or "42")[:2] not in _FOR_GOOD
        if isinstance(error, ConnectError) and error.server in self._servers.dsns:
            return self._has_worked
        return isinstance(error, TidemarkError) and error.is_transient

    def _warn(self, state: object) -> None:
        error = state.outcome.exception()  # type: ignore[attr-defined]
        seconds = state.upcoming_sleep  # type: ignore[attr-defined]
        about = logs.fields(queue=self._queue.name, **logs.of_error(error))
        log.warning("%s Tried again in %.1f s.", error, seconds, extra=about)


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items())) or "nothing"
