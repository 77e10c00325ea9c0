"""Settings of a source, an area and a project, apart from what its entities are."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.scalars import (
    Duration,
    PlainName,
    ServerName,
)
from tidemark.model import DEFAULT_SOURCE, EVENTS, Event


class Limits(Declaration):
    """How long Tidemark may keep a source busy, or wait there; `0s` sets no limit."""

    statement_timeout: Duration = timedelta(hours=6)
    """How long one statement may run."""
    lock_timeout: Duration = timedelta(seconds=1)
    """How long a statement may wait for a lock. A session that has waited for a second looks for a
    deadlock, and is ended if it finds one. With a longer limit here, that may be a session of the
    application."""


class Postgres(Declaration):
    """The PostgreSQL database of an area's rows. Areas that give it the same name share it."""

    kind: Literal["postgres"] = "postgres"
    name: ServerName = DEFAULT_SOURCE
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _says_what_it_is(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"a source is not a single word: write `source: {{name: {value}}}`")
        named = value if isinstance(value, dict) else {}
        if named.get("kind", "postgres") != "postgres":
            raise ValueError(f"kind: {named['kind']!r} is none; write postgres or files")
        misplaced = [key for key in Limits.model_fields if key in named]
        if misplaced:
            limits = ", ".join(f"{key}: {named[key]}" for key in misplaced)
            raise ValueError(
                f"limits are under a key of their own: write `source: {{limits: {{{limits}}}}}`"
            )
        return value


class Calendar(Declaration):
    """Whose public holidays the date dimension shows."""

    holidays: str = "US"
    """A country code of the `holidays` library, such as US or DE."""


class Settings(Declaration):
    """Settings for all areas, which share the one date dimension of the DWH."""

    calendar: Calendar = Calendar()
    default_area: PlainName | None = None
    """The area that a command means where none is named."""


NO_SETTINGS = Settings()

_FEW_ROWS = 100
"""With fewer rows than these, a ratio says nothing."""


class Monitor(Declaration):
    """What `monitor_etl_logs` tolerates before it fails."""

    late_after: Duration = timedelta(hours=13)
    """The longest time since the last successful batch: two intervals of six hours, and one more
    hour."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The largest part of the rows staged in a batch that may be rejected, per entity. It does not
    apply if fewer than 100 rows were staged."""

    def is_too_much(self, rejected: int, rows: int) -> bool:
        """Whether more of the staged rows were rejected than the ratio allows."""
        return rows >= _FEW_ROWS and rejected > self.max_reject_ratio * rows

    def is_all(self, rejected: int, rows: int) -> bool:
        """Whether all staged rows were rejected, however few, while the ratio is below 1."""
        return rejected >= rows and self.max_reject_ratio < 1


class Alerts(Declaration):
    """What of an area is told to the channels of TIDEMARK_ALERT_URLS."""

    events: tuple[Event, ...] = EVENTS
    """Which events; none: `[]`."""
    severity: Literal["warn", "fail"] = "warn"
    """From which severity of a check on: with `fail`, those that only warn are not told."""
    held_back_after: Duration = timedelta(hours=1)
    """How far the upper bound of a window may lie behind the source's clock, since an open
    transaction holds it back."""


class Retention(Declaration):
    """How long an area keeps what readers of the star do not see; None: for ever."""

    logs: Duration | None = None
    """Rows of etl_logs, from the start of their run. Those of the last batch stay."""
    history: Duration | None = None
    """Versions in the histories of MRR and STG, from their replacement."""
    rejects: Duration | None = None
    """Rejects, from their resolution. Open rejects stay."""
    batches: Duration | None = None
    """Batches: rows of etl_batches, and what each layer says of having applied them."""


NO_RETENTION = Retention()
OF_AN_INBOX = Retention(logs=timedelta(days=30), batches=timedelta(days=30))
"""That of an area which takes events, where nothing else is said: it may run a batch a second."""
