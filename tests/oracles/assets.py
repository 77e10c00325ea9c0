"""What events of assets say, in plain Python: the specification of the star of the area."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]
LAST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """An event that was posted."""

    event_id: str
    kind: str
    said: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        """When it was."""
        name = "upload_timestamp" if self.kind == "asset_uploaded" else "transaction_timestamp"
        return datetime.fromisoformat(self.said[name])


@dataclass(frozen=True)
class State:
    """What an asset is, from an instant on."""

    name: str | None = None
    kind: str | None = None
    role: str | None = None
    uploaded_at: datetime | None = None
    owner: str | None = None


KINDS = {
    "asset_uploaded": "UPLOAD",
    "asset_purchased": "PURCHASE",
    "asset_transferred": "TRANSFER",
}


def star(posted: Iterable[Told]) -> list[list[Row]]:
    """Return the rows of the star, as `tests.fix_assets.STAR` reads them."""
    events = distinct(posted)
    histories = replayed(events)
    return [
        [(kind,) for kind in sorted({e.said["asset_type_name"] for e in events if _is_upload(e)})],
        [(user,) for user in sorted({e.said["user_nk"] for e in events if not _is_upload(e)})],
        [row for key in sorted(histories) for row in _versions(key, histories[key])],
        [_now(key, histories[key]) for key in sorted(histories)],
        [_transaction(one, histories) for one in sorted(events, key=lambda one: one.event_id)],
    ]


def distinct(posted: Iterable[Told]) -> list[Told]:
    """Return each event once, in event time; of two at one instant, the greater id is the later."""
    found: dict[str, Told] = {}
    for one in posted:
        found.setdefault(one.event_id, one)
    return sorted(found.values(), key=lambda one: (one.at, one.event_id))


def replayed(events: Iterable[Told]) -> dict[str, dict[datetime, State]]:
    """Return the state of each asset from each of its instants on."""
    histories: dict[str, dict[datetime, State]] = defaultdict(dict)
    for one in events:
        history = histories[one.said["s3_key"]]
        before = [State(), *history.values()][-1]
        history[one.at] = _after(before, one)
    return histories


def owner_at(history: Mapping[datetime, State], instant: datetime) -> str | None:
    """Return who owned an asset at an instant."""
    owners = [state.owner for at, state in history.items() if at <= instant]
    return owners[-1] if owners else None


def _after(before: State, event: Told) -> State:
    said = event.said
    if not _is_upload(event):
        return State(before.name, before.kind, before.role, before.uploaded_at, said["user_nk"])
    about = (said["asset_name"], said["asset_type_name"], said.get("graph_role"))
    return State(*about, event.at, before.owner)


def _is_upload(event: Told) -> bool:
    return event.kind == "asset_uploaded"


def _versions(key: str, history: Mapping[datetime, State]) -> list[Row]:
    changes: list[tuple[datetime, State]] = []
    for at, state in history.items():
        if not changes or changes[-1][1] != state:
            changes.append((at, state))
    ends = [*(at for at, _ in changes[1:]), LAST]
    return [
        (key, s.name, s.kind, s.role, s.uploaded_at, s.owner, begins, ends_at)
        for (begins, s), ends_at in zip(changes, ends, strict=True)
    ]


def _now(key: str, history: Mapping[datetime, State]) -> Row:
    last = [*history.values()][-1]
    return (key, last.name, last.kind, last.role, last.uploaded_at, last.owner)


def _transaction(one: Told, histories: Mapping[str, Mapping[datetime, State]]) -> Row:
    state = histories[one.said["s3_key"]][one.at]
    user, credits_spent = one.said.get("user_nk"), one.said.get("credits_spent")
    spent = None if credits_spent is None else Decimal(credits_spent)
    about = (one.event_id, KINDS[one.kind], one.at, one.said["s3_key"])
    return (*about, user, spent, state.name, state.owner)
