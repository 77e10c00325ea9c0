"""Alerts: one message to each channel when a problem begins, and one when it ends.

What stands is kept in the DWH (`tidemark.alert`), whoever finds it: the end of a batch, `verify`,
or `tidemark monitor` for what begins when no batch ends. Messages are sent by a process of their
own, so a channel that hangs or refuses holds up no batch. It is tried again, later and later, for a
day. A message that a channel has taken just when that process is killed comes twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidemark import logs
from tidemark.batch import problems
from tidemark.batch.outbox import Outbox
from tidemark.declare import channels as known_channels
from tidemark.declare.config import Area
from tidemark.errors import ConnectError, LockedError
from tidemark.model import Channels, Event, Problem
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers

if TYPE_CHECKING:
    from apprise import NotifyBase

log = logs.named(__name__)

_ALL = ""
"""The area of what several areas share."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert that has begun."""

    area: str
    event: str
    subject: str
    severity: str
    what: str
    look: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """That an alert has begun, or ended."""

    alert: Standing
    phase: str
    ended_at: datetime | None

    @property
    def title(self) -> str:
        """One line."""
        said = (self.alert.area, self.alert.event.replace("_", " "), self.alert.subject)
        state = "over" if self.phase == "end" else self.alert.severity
        return f"Tidemark: {' '.join(filter(None, said))}: {state}"

    @property
    def body(self) -> str:
        """What, where, since when, and the command to look."""
        since = f"Since {self.alert.began_at:%Y-%m-%d %H:%M:%S}Z"
        if self.phase == "end" and self.ended_at:
            since += f", over at {self.ended_at:%Y-%m-%d %H:%M:%S}Z"
        return "\n".join([self.alert.what, since, f"To look: {self.alert.look}"])

    def send(self, channel: NotifyBase) -> bool:
        """Send it, and return whether the channel took it."""
        return known_channels.send(channel, self.title, self.body, is_over=self.phase == "end")


@dataclass(frozen=True, slots=True)
class Untold:
    """Messages that a channel has not taken so far."""

    why: str
    messages: int
    since: datetime

    def __str__(self) -> str:
        said = "message waits" if self.messages == 1 else "messages wait"
        return f"{self.messages} {said} since {self.since:%Y-%m-%d %H:%M:%S}Z: {self.why}."


@contextmanager
def of_batch(servers: Servers, area: Area, *, is_over: bool = True) -> Iterator[None]:
    """Tell what begins or ends with the block, which runs a batch or a hop of it.

    A hop that is not the last one (`is_over`) tells only if it fails. Nothing that goes wrong here
    becomes an error of the batch.
    """
    if servers.channels is None:
        yield
        return
    try:
        yield
    except LockedError:
        raise  # Another process works on the area, and tells.
    except BaseException as error:
        with _unharmed():
            _after(servers, servers.channels, area, error)
        raise
    if is_over:
        with _unharmed():
            _after(servers, servers.channels, area, None)


def look(servers: Servers, area: Area, away: Sequence[ConnectError] = ()) -> None:
    """Tell what begins or ends although no batch does.

    Args:
        servers: those of the project.
        area: what to look at.
        away: servers that could not be reached.

    Raises:
        ConnectError: the DWH is away. That is told as well.
    """
    if servers.channels is not None:
        gone = {error.server for error in away}
        reached = [one for one in used(area) if one not in gone]
        _settle_all(servers, servers.channels, area, away, reached)


def differences(servers: Servers, area: Area, what: str) -> None:
    """Tell that a comparison has found differences; '': that it has found none."""
    if servers.channels is None:
        return
    with _unharmed(), servers.session("dwh", f"alert {area.area}") as dwh:
        is_wanted = what and "differences" in area.alerts.events
        command = f"tidemark verify {area.area}"
        now = datetime.now(UTC)
        found = [Problem("differences", "", "fail", what, now, command)] if is_wanted else []
        _settle(dwh, area.area, ["differences"], found)
        _address(dwh, servers.channels)


def deliver(servers: Servers | None, channels: Channels) -> None:
    """Send what is due to each channel; those of the DWH unless `servers` is None.

    A channel that does not take a message is left alone until its next turn.
    """
    outbox = Outbox(known_channels.state_folder(channels.home))
    with ThreadPoolExecutor(len(channels.urls)) as pool:
        opened = [
            (known_channels.opened(url, place), known_channels.digest(url))
            for place, url in enumerate(channels.urls, 1)
        ]
        _tell_all_away(outbox, pool, opened)
        if servers is not None:
            list(pool.map(lambda one: _tell(servers, *one), opened))


def untold(dwh: Session) -> list[Untold]:
    """Return what channels did not take."""
    return [Untold(*row) for row in dwh.rows(compose.statement(__name__, "untold"))]


def standing(dwh: Session) -> list[Standing]:
    """Return the alerts that have begun, and not ended."""
    return [Standing(*row) for row in dwh.rows(compose.statement(__name__, "open_alerts"))]


@contextmanager
def _unharmed() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # An alert is no reason to fail a batch.
        log.warning("alerts: %s", logs.said(error), extra=logs.fields(**logs.of_error(error)))


def _after(servers: Servers, channels: Channels, area: Area, error: BaseException | None) -> None:
    if isinstance(error, ConnectError) and error.server == "dwh":
        _dwh_is_away(channels, area, error)
        return
    away = [error] if isinstance(error, ConnectError) else []
    _settle_all(servers, channels, area, away, [] if error else used(area))


def used(area: Area) -> list[str]:
    """Return the servers that an area's batches use, beside the DWH; a source of files is one."""
    return [area.source.name, "mrr", "stg"]


def _settle_all(
    servers: Servers,
    channels: Channels,
    area: Area,
    away: Sequence[ConnectError],
    reached: Sequence[str],
) -> None:
    """Tell what the journal says, and which servers are away or were reached."""
    try:
        with servers.session("dwh", f"alert {area.area}") as dwh:
            Outbox(known_channels.state_folder(channels.home)).back()
            _settle(dwh, area.area, problems.OF_JOURNAL, problems.standing(dwh, area))
            is_wanted = "server_away" in area.alerts.events
            gone = [_gone(error) for error in away if is_wanted]
            subjects = [*reached, *(error.server for error in away)]
            _settle(dwh, _ALL, ["server_away"], gone, subjects=subjects)
            _address(dwh, channels)
    except ConnectError as error:
        if error.server == "dwh":
            _dwh_is_away(channels, area, error)
        raise


def _gone(error: ConnectError) -> Problem:
    now = datetime.now(UTC)
    return Problem("server_away", error.server, "fail", str(error), now, "tidemark doctor")


def _dwh_is_away(channels: Channels, area: Area, error: ConnectError) -> None:
    if "server_away" not in area.alerts.events:
        return
    Outbox(known_channels.state_folder(channels.home)).away(str(error))
    _send(channels)


def _settle(
    dwh: Session,
    area: str,
    judged: Collection[Event],
    found: Sequence[Problem],
    *,
    subjects: Sequence[str] | None = None,
) -> None:
    """Begin and end alerts: those of the judged events, and of these subjects alone."""
    told = [{**asdict(one), "since": one.since.isoformat()} for one in found]
    dwh.run(
        compose.statement(__name__, "settle"),
        {
            "area": area,
            "judged": list(judged),
            "subjects": None if subjects is None else list(subjects),
            "problems": db.Json(told),
        },
    )


def _address(dwh: Session, channels: Channels) -> None:
    """Address messages to the channels; if one is due, let a process of its own send it."""
    digests = [known_channels.digest(url) for url in channels.urls]
    is_due = dwh.value(compose.statement(__name__, "address"), {"channels": digests})
    outbox = Outbox(known_channels.state_folder(channels.home))
    if is_due or any(outbox.due(digests)):
        _send(channels)


_sending: list[subprocess.Popen[bytes]] = []
"""Processes that send messages, until they were seen to have ended."""


def _send(channels: Channels) -> None:
    """Start the process that sends messages. It may outlive this one."""
    _sending[:] = [process for process in _sending if process.poll() is None]
    process = subprocess.Popen(
        [sys.executable, "-m", "tidemark", "alert", "--deliver"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=channels.home,
        env={
            **os.environ,
            "TIDEMARK_HOME": str(channels.home),
            known_channels.VARIABLE: " ".join(channels.urls),
        },
    )
    _sending.append(process)


def _tell_all_away(
    outbox: Outbox, pool: Executor, opened: Sequence[tuple[NotifyBase, str]]
) -> None:
    """Send what is due of the outbox, unless another process does.

    That process looks again once it has let go, so what was noted meanwhile is sent by it.
    """
    digests = [digest for _, digest in opened]
    is_due = True
    while is_due:
        with outbox.alone() as is_alone:
            if not is_alone:
                return
            list(pool.map(lambda one: _tell_away(outbox, *one), opened))
            outbox.forget(digests)
        is_due = any(outbox.due(digests))


def _tell_away(outbox: Outbox, channel: NotifyBase, digest: str) -> None:
    for away, phase, _ in list(outbox.due([digest])):
        began_at = datetime.fromisoformat(away.began_at)
        ended_at = datetime.fromisoformat(away.ended_at) if away.ended_at else None
        alert = Standing(_ALL, "server_away", "dwh", "fail", away.what, "tidemark doctor", began_at)
        message = Message(alert, phase, ended_at)
        is_taken = message.send(channel)
        outbox.tell(phase, digest, is_taken=is_taken)
        if not is_taken:
            return


def _tell(servers: Servers, channel: NotifyBase, digest: str) -> None:
    """Send a channel its messages, each in a transaction that keeps others from sending it."""
    is_taken = True
    with suppress(ConnectError), servers.session("dwh", "alert") as dwh:
        while is_taken:
            with dwh.transaction():
                found = dwh.rows(compose.statement(__name__, "next_message"), {"channel": digest})
                if not found:
                    return
                [(alert_id, phase, ended_at, *told)] = found
                message = Message(Standing(*told), phase, ended_at)
                is_taken = message.send(channel)
                which = {"alert_id": alert_id, "phase": phase, "channel": digest}
                if is_taken:
                    dwh.run(compose.statement(__name__, "told"), which)
                else:
                    error = f"{known_channels.name(channel)} did not take it"
                    dwh.run(compose.statement(__name__, "refused"), {**which, "error": error})
