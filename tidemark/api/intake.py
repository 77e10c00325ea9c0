"""Events that applications post: who may, whether they are any, and what became of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidemark.api import keys, problems
from tidemark.api.bodies import parsed
from tidemark.api.keys import Key
from tidemark.api.kinds import EVENT_ID, InvalidError, Kind, Kinds, told
from tidemark.api.limits import Limits
from tidemark.api.metrics import Metrics
from tidemark.api.pool import Pool
from tidemark.api.problems import Outcome, Problem, Reason
from tidemark.errors import TidemarkError
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted
from tidemark.postgres.db import Session

AT_ONCE = 1000
"""Events that one request may bring."""

Status = Literal["stored", "repeated", "conflicting", "refused"]


class Entry(BaseModel):
    """One event among several."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    area: str | None = Field(None, description="Needed where several areas have this kind.")
    kind: str
    event_id: Annotated[str, Field(pattern=EVENT_ID)]
    payload: dict[str, Any]


class Entries(BaseModel):
    """Events of any kinds."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    events: Annotated[list[Entry], Field(min_length=1, max_length=AT_ONCE)]


@dataclass(slots=True)
class Result:
    """What became of an event."""

    event_id: str
    area: str | None
    kind: str
    status: Status
    reasons: Sequence[Reason] = ()
    """Why it is refused."""


_Found = tuple[Result, Kind, Posted]


class Intake:
    """Takes events for all areas. Its methods wait for PostgreSQL, so threads call them."""

    def __init__(
        self,
        kinds: Kinds,
        mrr: Pool,
        limits: Limits,
        metrics: Metrics,
        woken: Callable[[str, str], None],
    ) -> None:
        self.kinds = kinds
        self._mrr, self._limits, self._metrics = mrr, limits, metrics
        self._woken = woken
        """Called with the area and the id of an event that was stored, the last one of a commit."""

    def admit(self, key: str) -> Key:
        """Return the key of a request, and count it.

        Raises:
            Problem: it is not in force, or was used too often.
        """
        with self._mrr.session() as mrr:
            found = keys.find(mrr, key)
        if found is None:
            raise problems.unauthorized()
        self._limits.take(found.name)
        return found

    @contextmanager
    def counting(self, kind: Kind | None) -> Iterator[None]:
        """Count a request of the block that ends with a problem, as an event that was not kept."""
        try:
            yield
        except Problem as problem:
            if problem.outcome != "conflicting":  # `_keep` has counted it.
                self._count(kind, problem.outcome)
            raise
        except TidemarkError as error:
            self._count(kind, problems.of_error(error).outcome)
            raise

    def one(self, key: str, kind: Kind, event_id: str, body: bytes) -> Result:
        """Keep one event.

        Raises:
            Problem: it is not kept; or another event has its id.
            TidemarkError: it is not kept, or it is not known. Posting it again finds out.
        """
        if not self.admit(key).may_post(kind.area, kind.name):
            raise Problem(403, f"This key may not post events of {kind.area}.{kind.name}.")
        try:
            event = kind.event(event_id, parsed(body))
        except InvalidError as error:
            detail = f"This is no event of {kind.area}.{kind.name}."
            raise Problem(422, detail, error.reasons) from None
        result = Result(event_id, kind.area, kind.name, "stored")
        self._keep([(result, kind, event)])
        if result.status == "conflicting":
            raise Problem(409, "There is another event with this id.")
        return result

    def several(self, key: str, body: bytes) -> list[Result]:
        """Keep those of several events that are any, in one commit; returns a result of each.

        Raises:
            Problem, TidemarkError: see `one`; none is kept.
        """
        admitted = self.admit(key)
        try:
            entries = Entries.model_validate(parsed(body)).events
        except ValidationError as error:
            raise Problem(422, "These are no events.", [*told(error)][:AT_ONCE]) from None
        results: list[Result] = []
        found: list[_Found] = []
        for entry in entries:
            result = Result(entry.event_id, entry.area, entry.kind, "refused")
            results.append(result)
            try:
                found.append((result, *self._event(admitted, entry, result)))
            except InvalidError as error:
                result.reasons = error.reasons
        self._keep(found)
        return results

    def _event(self, key: Key, entry: Entry, result: Result) -> tuple[Kind, Posted]:
        kind: Kind | None = None
        outcome: Outcome = "refused"
        try:
            kind = self.kinds.find(entry.kind, entry.area)
            result.area = kind.area
            if not key.may_post(kind.area, kind.name):
                outcome = "unauthorized"
                raise InvalidError([Reason("kind", "is none that this key may post")])
            return kind, kind.event(entry.event_id, entry.payload)
        except InvalidError:
            self._count(kind, outcome)
            raise

    def _keep(self, found: Sequence[_Found]) -> None:
        """Store events in one commit, and put down in their results what became of them."""
        of_area: dict[str, list[_Found]] = defaultdict(list)
        for one in found:
            of_area[one[1].area].append(one)
        try:
            self._store(of_area)
        except TidemarkError as error:
            for _, kind, _ in found[1:]:  # `counting` counts the first one.
                self._count(kind, problems.of_error(error).outcome)
            raise
        for result, kind, _ in found:
            self._count(kind, result.status)
        for area, several in of_area.items():
            stored = [event.event_id for result, _, event in several if result.status == "stored"]
            if stored:
                self._woken(area, stored[-1])

    def _store(self, of_area: Mapping[str, Sequence[_Found]]) -> None:
        if not of_area:
            return
        with self._mrr.session() as mrr:
            if len(of_area) == 1:
                self._post(mrr, *of_area.items())
                return
            with mrr.transaction():
                # In one order, so that two of these can't wait for each other.
                self._post(mrr, *sorted(of_area.items(), key=lambda one: one[0]))

    @staticmethod
    def _post(mrr: Session, *of_area: tuple[str, Sequence[_Found]]) -> None:
        for area, found in of_area:
            outcomes = inbox.post(mrr, area, [event for _, _, event in found])
            for (result, *_), outcome in zip(found, outcomes, strict=True):
                result.status = outcome

    def _count(self, kind: Kind | None, outcome: Outcome) -> None:
        self._metrics.count(kind.area if kind else "", kind.name if kind else "", outcome)
