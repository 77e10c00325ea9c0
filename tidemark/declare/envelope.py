"""An event as it is written down outside of a service: in a message of a queue, or in a file.

`{"area": …, "kind": …, "event_id": …, "payload": {…}}`. What is wrong with one is said by the names
of its fields, and never by their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pydantic import ValidationError

from tidemark.declare import payload
from tidemark.declare.config import Area
from tidemark.declare.payload import Payload

UNKNOWN = "(unknown)"
"""What stands for the entity of an event whose kind nobody knows. No entity can be called so."""

LONGEST_ID = 200
_SHOWN = 63
_FIELDS = ("area", "kind", "event_id", "payload")
_SAID = {"extra_forbidden": "is no field of this kind", "missing": "is required"}


@dataclass(frozen=True, slots=True)
class Sound:
    """An event that may be posted."""

    area: str
    entity: str
    kind: str
    event_id: str
    payload: str
    """As it is kept: JSON."""
    text: str
    """As it came, with what stands around it."""

    def refused(self, reason: str) -> Wrong:
        """Return it as one that can't be posted after all."""
        return Wrong(self.area, self.entity, self.event_id, self.text, (reason,))


@dataclass(frozen=True, slots=True)
class Wrong:
    """What can't be posted, and why."""

    area: str
    entity: str
    event_id: str
    text: str
    """As it came."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    area: str
    entity: str
    model: type[Payload]


class Reader:
    """Reads events of areas."""

    def __init__(self, areas: Iterable[Area], default: str) -> None:
        """Read events of these areas, whose source is an inbox.

        Args:
            areas: those.
            default: the area of an event that names none, where its kind is not that of one area.
        """
        self._kinds: dict[str, dict[str, _Kind]] = {}
        self._areas = [area.area for area in areas if area.has_inbox]
        self._default = default
        for area in areas:
            for entity in area.entities.values():
                if entity.events:
                    made = payload.model(entity.events, entity.name)
                    of_areas = self._kinds.setdefault(entity.events.event, {})
                    of_areas[area.area] = _Kind(area.area, entity.name, made)

    def read(self, text: str, spare_id: str) -> list[Sound | Wrong]:
        """Read a text that is an event, or a list of them.

        Args:
            text: the text.
            spare_id: the id of an event that has none. In a list, its place from 1 follows.
        """
        try:
            return self._read(text, spare_id)
        except RecursionError:
            return [self._wrong(text, spare_id, "the message is nested too deeply")]

    def _read(self, text: str, spare_id: str) -> list[Sound | Wrong]:
        try:
            value = payload.loads(text)
        except ValueError:
            return [self._wrong(text, spare_id, "the message is no JSON")]
        if not isinstance(value, list):
            return [self._event(value, spare_id, text)]
        if not value:
            return [self._wrong(text, spare_id, "the list has no events")]
        return [
            self._event(one, f"{spare_id}/{place}", payload.as_json(one))
            for place, one in enumerate(value, 1)
        ]

    def _event(self, value: Any, spare_id: str, text: str) -> Sound | Wrong:
        if not isinstance(value, Mapping):
            return self._wrong(text, spare_id, "an event has to be an object")
        said_id = value.get("event_id")
        reasons = [f"{shown(name)}: is no field of an event" for name in value.keys() - {*_FIELDS}]
        reasons.sort()
        event_id = said_id if _is_id(said_id) else spare_id
        if said_id not in (None, event_id):
            reasons.append(f"event_id: has to be a text of 1 to {LONGEST_ID} characters")
        area, found, said = self._kind(value)
        if found is None:
            return Wrong(area, UNKNOWN, event_id, text, (*reasons, *said))
        try:
            kept = payload.dumps(found.model.model_validate(value.get("payload")))
        except ValidationError as error:
            reasons += problems(error)
        if reasons:
            return Wrong(found.area, found.entity, event_id, text, tuple(reasons))
        return Sound(found.area, found.entity, value["kind"], event_id, kept, text)

    def _kind(self, value: Mapping[str, Any]) -> tuple[str, _Kind | None, list[str]]:
        """Find the kind of an event; without one, the area where it is refused, and why."""
        area, kind = value.get("area"), value.get("kind")
        if area is not None and area not in self._areas:
            return self._default, None, ["area: is none that takes events"]
        of_areas = self._kinds.get(kind, {}) if isinstance(kind, str) else {}
        if area is not None:
            of_areas = {name: one for name, one in of_areas.items() if name == area}
        elif len(of_areas) > 1:
            of_areas = {name: one for name, one in of_areas.items() if name == self._default}
            if not of_areas:
                return self._default, None, ["area: is missing, and several have events so called"]
        for one in of_areas.values():
            return one.area, one, []
        why = "is required" if kind is None else "is none that the area knows"
        return area or self._default, None, [f"kind: {why}"]

    def _wrong(self, text: str, event_id: str, reason: str) -> Wrong:
        return Wrong(self._default, UNKNOWN, event_id, text, (reason,))


def problems(error: ValidationError) -> list[str]:
    """Say what is wrong with the fields of an event: a sentence each, without a value."""
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        if not one["loc"]:
            return ["payload: has to be an object"]
        said = _SAID.get(one["type"], one["msg"].removeprefix("Value error, "))
        found.append(f"{shown(str(one['loc'][0]))}: {said}")
    return found


def shown(name: str) -> str:
    """Return a name that somebody else chose as it may be shown."""
    return writable(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def writable(text: str) -> str:
    """Return a text with what PostgreSQL can't keep escaped."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_ID and writable(value) == value
