"""The one alert that the DWH can't keep: that it is away. It is kept in a file of this machine."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LET_GO = timedelta(days=1)
"""What no channel took for so long is told no more."""


@dataclass
class Away:
    """That the DWH is away, or was, and whom it was told."""

    what: str
    began_at: str
    ended_at: str | None = None
    told: list[str] = field(default_factory=list)
    """Channel and phase of each message that was taken."""
    refused: dict[str, str] = field(default_factory=dict)
    """Channel -> when it is tried again."""


class Outbox:
    """The file, in the state folder of a project. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "alerts.json"
        self._lock = folder / "alerts.lock"

    def away(self, what: str) -> None:
        """Note that the DWH is away, unless that is known.

        Who was not told yet that it had been back is told nothing: for them it was away all along.
        """
        with self._locked():
            known = self._read()
            if known is None:
                self._write(Away(what, _now()))
            elif known.ended_at:
                over = {one.removesuffix(" end") for one in known.told if one.endswith(" end")}
                known.told = [one for one in known.told if one.partition(" ")[0] not in over]
                known.ended_at = None
                self._write(known)

    def back(self) -> None:
        """Note that the DWH is there."""
        if not self._file.exists():
            return
        with self._locked():
            known = self._read()
            if known and not known.ended_at:
                known.ended_at = _now()
                self._write(known)

    def due(self, channels: Sequence[str]) -> Iterator[tuple[Away, str, str]]:
        """Yield what channels are to be told: the alert, the phase, and the channel."""
        if not self._file.exists():
            return
        with self._locked():
            known = self._read()
        if known is None:
            return
        for channel in channels:
            if known.refused.get(channel, "") > _now():
                continue
            if f"{channel} begin" not in known.told:
                yield known, "begin", channel
            if known.ended_at and f"{channel} end" not in known.told:
                yield known, "end", channel

    def tell(self, phase: str, channel: str, *, is_taken: bool) -> None:
        """Note whether a channel has taken a message."""
        with self._locked():
            known = self._read()
            if known is None:
                return
            if is_taken:
                known.told.append(f"{channel} {phase}")
                known.refused.pop(channel, None)
            else:
                again = datetime.now(UTC) + timedelta(minutes=1)
                known.refused[channel] = again.isoformat()
            self._write(known)

    def forget(self, channels: Sequence[str]) -> None:
        """Remove the file once all were told of the end, or nobody took it for a day."""
        if not self._file.exists():
            return
        with self._locked():
            known = self._read()
            if known is None or not known.ended_at:
                return
            is_old = datetime.fromisoformat(known.ended_at) < datetime.now(UTC) - _LET_GO
            if is_old or all(f"{channel} end" in known.told for channel in channels):
                self._file.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold the right to tell channels for the block; False: another process has it."""
        with self._lock.with_suffix(".telling").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> Away | None:
        with suppress(OSError, ValueError, TypeError):
            return Away(**json.loads(self._file.read_text("utf-8")))
        return None

    def _write(self, known: Away) -> None:
        new = self._file.with_suffix(".new")
        new.touch(0o600)
        new.write_text(json.dumps(asdict(known)), "utf-8")
        new.replace(self._file)


def _now() -> str:
    return datetime.now(UTC).isoformat()
