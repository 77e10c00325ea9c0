"""Send events again that were refused: corrected, or as they are once the rules are corrected.

An event that is sent again comes behind all others of the inbox, as if it had come now. So the next
batch takes it as a newer version of its row, which ends the refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tidemark.declare import payload
from tidemark.declare.config import Area
from tidemark.declare.envelope import Reader, Sound, Wrong
from tidemark.errors import UsageError
from tidemark.layers import inbox, refused_events
from tidemark.layers.inbox import Posted
from tidemark.layers.refused_events import Open
from tidemark.layers.rejects import Reject
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.results import Json

_NOT_REFUSED = "event_id: no event of this id is refused"
_OTHER_KIND = "kind: the inbox has this event as one of another kind"
_OTHER_KEY = (
    "{}: is of the key of {}, which has a row already. Post it under an event_id of its own"
)
_CONFLICT = "event_id: the inbox has another event with this id"
_SHOWN = 10
"""Wrong lines that an error names."""


@dataclass(frozen=True, slots=True)
class Left:
    """An event that is as wrong as before."""

    event_id: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was sent again, and what was not."""

    area: str
    replayed: int
    left: Sequence[Left]


def from_file(servers: Servers, area: Area, name: str, lines: Iterable[str]) -> Replayed:
    """Send corrected events again, all or none.

    Args:
        servers: those of the project.
        area: theirs.
        name: of the file.
        lines: an event each, as JSON. Empty ones are left out.

    Raises:
        UsageError: names lines and fields that are wrong. Nothing was written.
    """
    reader, numbers = Reader([area], area.area), dict[str, int]()
    found: list[tuple[int, Sound]] = []
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            event = _of_line(reader, line)
            if isinstance(event, Wrong):
                wrong.append(f"line {number}: {'; '.join(event.reasons)}")
            elif numbers.setdefault(event.event_id, number) != number:
                wrong.append(f"line {number}: event_id: is that of line {numbers[event.event_id]}")
            else:
                found.append((number, event))
    with servers.session("mrr", "replay") as mrr, mrr.transaction():
        known = _known(servers, mrr, area, [event for _, event in found])
        for number, event in found:
            if said := known.objection(event):
                wrong.append(f"line {number}: {said}")
        if wrong:
            raise UsageError(_refusal(name, wrong))
        _send(mrr, area, [event for _, event in found])
    _tell(servers, area)
    return Replayed(area.area, len(found), [])


def everything(servers: Servers, area: Area) -> Replayed:
    """Send all events again that are refused now, as they are, but for those that are wrong still.

    Args:
        servers: those of the project.
        area: theirs.
    """
    reader = Reader([area], area.area)
    sound: list[Sound] = []
    left: list[Left] = []
    with servers.session("mrr", "replay") as mrr, mrr.transaction():
        known = _known(servers, mrr, area)
        for event in known.again(reader):
            if isinstance(event, Wrong):
                if event.area == area.area:
                    left.append(Left(event.event_id, event.reasons))
            elif said := known.conflict(event) or known.objection(event):
                left.append(Left(event.event_id, [said]))
            else:
                sound.append(event)
        _send(mrr, area, sound)
    _tell(servers, area)
    return Replayed(area.area, len(sound), left)


def with_events(servers: Servers, area: Area, found: Sequence[Reject]) -> list[Reject]:
    """Return rejects of an area, each with its event."""
    ids = [_event_id(one) for one in found]
    with servers.session("mrr", "rejects") as mrr:
        posted = refused_events.posted(mrr, area.area, {one for one in ids if one})
    return [
        replace(reject, event=_shown(reject, event_id, posted))
        for reject, event_id in zip(found, ids, strict=True)
    ]


def _event_id(reject: Reject) -> str | None:
    for named in (reject.key, reject.row_data):
        if isinstance(named, dict) and isinstance(named.get("event_id"), str):
            return str(named["event_id"])
    return None


def _shown(
    reject: Reject, event_id: str | None, posted: Mapping[str, Posted]
) -> Mapping[str, Any] | None:
    if event_id is None:
        return None
    if not reject.item:
        event = posted.get(event_id)
        kind, text = (event.kind, event.payload) if event else (None, "null")
        return {"event_id": event_id, "kind": kind, "payload": Json(text)}
    try:
        value = payload.loads(str(reject.row_data["row_text"]))
    except (ValueError, RecursionError):
        value = None
    told = value if isinstance(value, dict) else {}
    shown = {name: Json(payload.as_json(told.get(name))) for name in ("kind", "payload")}
    return {"event_id": event_id, **shown}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is refused now, and what the inbox has of it."""

    area: Area
    refused: Mapping[str, Open]
    posted: Mapping[str, Posted]
    texts: Sequence[Open]
    """What a queue brought, in the order in which it came."""

    def again(self, reader: Reader) -> Iterator[Sound | Wrong]:
        """Read by the rules of today what the inbox has, and then what else a queue brought."""
        for event_id, one in self.posted.items():
            if self.refused[event_id].by != "queue":
                named = payload.as_json({"kind": one.kind, "event_id": event_id})
                yield from reader.read(f'{named[:-1]}, "payload": {one.payload}}}', event_id)
        for brought in self.texts:
            if self.refused[brought.event_id].by == "queue":
                yield from reader.read(brought.text, brought.event_id)

    def conflict(self, event: Sound) -> str:
        """Say that the inbox has another event with the id of one of a queue; '' if not."""
        one = self.posted.get(event.event_id)
        if one is None or self.refused[event.event_id].by != "queue":
            return ""
        return "" if _values(one.payload) == _values(event.payload) else _CONFLICT

    def objection(self, event: Sound) -> str:
        """Say why an event can't be sent again; '' if it can."""
        refusal, one = self.refused.get(event.event_id), self.posted.get(event.event_id)
        if refusal is None:
            return _NOT_REFUSED
        if one is None:
            return ""
        if one.kind != event.kind:
            return _OTHER_KIND
        if refusal.by == "mrr":
            return ""  # MRR has no row of it.
        before, after = _values(one.payload), _values(event.payload)
        entity = self.area.entities[event.entity]
        moved = [name for name in entity.key if before.get(name) != after.get(name)]
        return _OTHER_KEY.format(", ".join(moved), event.entity) if moved else ""


def _known(
    servers: Servers, mrr: Session, area: Area, events: Sequence[Sound] | None = None
) -> _Known:
    """Read what is refused, and hold what the inbox has of it; `events`: of these alone."""
    of_mrr = refused_events.of_mrr(mrr, area.area)
    with servers.session("stg", "replay") as stg:
        of_cleansing = refused_events.of_cleansing(stg, area.area)
    refused: dict[str, Open] = {}
    for one in (*of_mrr, *of_cleansing):
        # An event of the inbox is meant, and not another one that a queue brought with its id.
        before = refused.get(one.event_id)
        if before is None or before.by != "mrr":
            refused[one.event_id] = one
    ids = refused.keys() & {one.event_id for one in events} if events is not None else refused
    posted = refused_events.posted(mrr, area.area, ids, held=True)
    return _Known(area, refused, posted, [one for one in of_mrr if one.by == "queue"])


def _values(text: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], payload.loads(text))


def _of_line(reader: Reader, line: str) -> Sound | Wrong:
    first, *more = reader.read(line, "")
    if more:
        return Wrong(first.area, first.entity, "", "", ("a line is one event",))
    if isinstance(first, Sound) and not first.event_id:
        return first.refused("event_id: is required")
    return first


def _refusal(name: str, wrong: Sequence[str]) -> str:
    shown = "\n".join(wrong[:_SHOWN])
    more = f"\nand {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
    return f"{name}: nothing was sent again:\n{shown}{more}"


def _send(mrr: Session, area: Area, events: Sequence[Sound]) -> None:
    ready = [Posted(one.event_id, one.kind, one.payload) for one in events]
    refused_events.send_again(mrr, area.area, ready)


def _tell(servers: Servers, area: Area) -> None:
    with servers.session("mrr", "replay") as mrr:
        inbox.tell(mrr, [area.area])
