"""Events that a seeder posts into the inbox of its area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tidemark.declare import payload
from tidemark.declare.config import Area
from tidemark.errors import ConfigError
from tidemark.layers import inbox
from tidemark.layers.inbox import Outcome, Posted
from tidemark.postgres.db import Session

BATCH = 1000
"""How many events are posted in one commit."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as an application tells it."""

    event_id: str
    kind: str
    """One of the area's kinds, by the name that area.yml gives it."""
    said: Mapping[str, Any]
    """Field -> value, as JSON has it."""


class Inbox:
    """The inbox of one area, for those who post its sample.

    Args:
        mrr: in autocommit.
    """

    def __init__(self, mrr: Session, area: Area) -> None:
        self._mrr, self._area = mrr, area
        kinds = (one.events for one in area.entities.values() if one.events)
        self._models = {one.event: payload.model(one, one.event) for one in kinds}

    def greatest_id(self, prefix: str = "") -> str | None:
        """Return the greatest id, in byte order, of the events whose ids begin so."""
        return inbox.greatest_id(self._mrr, self._area.area, prefix)

    def post(self, events: Sequence[Event]) -> list[Outcome]:
        """Post events, and wake those who wait for them; returns the outcome of each.

        Raises:
            ConfigError: one is not as area.yml declares it. Those before it may be posted.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(events), BATCH):
            posted = [self._posted(one) for one in events[start : start + BATCH]]
            outcomes += inbox.post(self._mrr, self._area.area, posted)
        inbox.tell(self._mrr, [self._area.area])
        return outcomes

    def _posted(self, event: Event) -> Posted:
        where = f"seed: {event.kind}"
        if event.kind not in self._models:
            raise ConfigError(
                f"{where}: sql/{self._area.area}/area.yml declares no events of this kind. Declare "
                f"them, or correct sql/{self._area.area}/sample."
            )
        try:
            found = self._models[event.kind].model_validate(dict(event.said))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            raise ConfigError(
                f"{where}: {field}: {first['msg']}. Correct sql/{self._area.area}/sample."
            ) from None
        return Posted(event.event_id, event.kind, payload.dumps(found))
