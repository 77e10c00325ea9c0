"""The kinds of events that a project takes, and what an event has to be to be one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tidemark.api.problems import Reason
from tidemark.declare import payload
from tidemark.declare.config import Area
from tidemark.declare.posted import EventsOfEntity
from tidemark.errors import ConfigError
from tidemark.layers.inbox import Posted

EVENT_ID = r"^[!-~]{1,200}$"
"""What an id of an event may be: it has to fit into a header."""

_EVENT_ID = re.compile(r"[!-~]{1,200}", re.ASCII)
_NAME = re.compile(r"\w{1,63}", re.ASCII)
_TOLD = {
    "extra_forbidden": "is no field of this kind of events",
    "missing": "is missing",
    "model_type": "has to be an object",
}
"""Type of an error of pydantic -> what is said; `value_error` says it itself."""


class InvalidError(Exception):
    """What was posted is no event of its kind."""

    def __init__(self, reasons: Iterable[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(*self.reasons)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of events of an area."""

    area: str
    entity: str
    declared: EventsOfEntity
    model: type[payload.Payload]

    @property
    def name(self) -> str:
        """What the kind is called, in its area."""
        return self.declared.event

    @property
    def path(self) -> str:
        """Where it is posted to, below /v1/; '': only together with others."""
        return self.declared.path

    @property
    def example(self) -> dict[str, Any] | None:
        """An event, where each field that it has to have says an example."""
        fields = self.declared.fields
        if any(fields[name].example is None for name in self.declared.required):
            return None
        return {name: one.example for name, one in fields.items() if one.example is not None}

    def event(self, event_id: str, value: Any) -> Posted:
        """Return an event as it is kept.

        Raises:
            InvalidError: it is none of this kind.
        """
        refuse_id(event_id)
        try:
            found = self.model.model_validate(value)
        except ValidationError as error:
            raise InvalidError(told(error)) from None
        return Posted(event_id, self.name, payload.dumps(found))


def refuse_id(event_id: str) -> None:
    """Raise InvalidError if no event may have this id."""
    if not _EVENT_ID.fullmatch(event_id):
        reason = "has to be 1 to 200 visible characters of ASCII"
        raise InvalidError([Reason("event_id", reason)])


def told(error: ValidationError) -> Iterator[Reason]:
    """Yield what pydantic found, without the values that it found it in."""
    for one in error.errors(include_url=False, include_input=False):
        names = [str(part) for part in one["loc"]]
        # What a client calls a field may be anything, even a value.
        shown = ".".join(name if _NAME.fullmatch(name) else "…" for name in names)
        yield Reason(shown, _TOLD.get(one["type"], one["msg"].removeprefix("Value error, ")))


class Kinds:
    """All kinds of a project."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._all = [
            Kind(
                area.area, name, entity.events, payload.model(entity.events, _title(entity.events))
            )
            for area in areas
            for name, entity in area.entities.items()
            if entity.events
        ]
        paths: dict[str, Kind] = {}
        for kind in self._all:
            if kind.path and (other := paths.setdefault(kind.path, kind)) is not kind:
                raise ConfigError(
                    f"sql/{kind.area}/area.yml: path {kind.path!r} of {kind.name} is already that "
                    f"of {other.area}.{other.name}. Give one of them another path."
                )

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._all)

    @property
    def areas(self) -> list[str]:
        """The areas that take events."""
        return list(dict.fromkeys(kind.area for kind in self._all))

    def find(self, name: str, area: str | None) -> Kind:
        """Find a kind; without an area, it is looked for in all of them.

        Raises:
            InvalidError: there is none, or there are several.
        """
        found = [one for one in self._all if one.name == name and area in (None, one.area)]
        if not found:
            raise InvalidError([Reason("kind", "is no kind of events that is declared")])
        if len(found) > 1:
            raise InvalidError([Reason("area", "is missing: several areas have this kind")])
        return found[0]


def _title(declared: EventsOfEntity) -> str:
    return "".join(word.capitalize() for word in declared.event.split("_"))
