"""The service as a whole: what it takes, whom it asks, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from tidemark.api import answers
from tidemark.api.answers import Question
from tidemark.api.intake import Intake
from tidemark.api.keys import Key
from tidemark.api.kinds import Kinds
from tidemark.api.limits import Limits
from tidemark.api.metrics import Metrics
from tidemark.api.pool import Pool
from tidemark.api.problems import Problem
from tidemark.api.state import State, States
from tidemark.api.waking import Waking
from tidemark.declare.config import Area
from tidemark.errors import ConfigError
from tidemark.model import ANALYST_ROLE, ServerName
from tidemark.postgres import compose

_SESSIONS = 10
"""On MRR. More do not commit faster, and a server has a hundred for all."""
_FEW = 4
"""On the other layers, and as an analyst."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may set."""

    rate: float = 1000
    """Requests a second of one key; 0: any number."""
    largest: int = 1 << 20
    """Bytes of a body."""
    patience: str = "5s"
    """How long the DWH may work on an answer."""


class Worker(Protocol):
    """What loads the events of areas, as soon as it is woken."""

    def start(self) -> None:
        """Begin, in threads of its own."""

    def wake(self, *areas: str) -> None:
        """Note that areas have got events; it returns at once."""

    def stop(self) -> None:
        """End behind the batch that is under way."""


class Service:
    """Takes events and answers questions. Threads call its methods, since they wait for servers."""

    def __init__(
        self,
        areas: Iterable[Area],
        dsns: Mapping[ServerName, str],
        settings: Settings = Settings(),
        *,
        worker: Worker | None = None,
    ) -> None:
        every = [*areas]
        self.settings, self._worker = settings, worker
        self.kinds, self.questions = Kinds(every), answers.questions(every)
        if not [*self.kinds] and not self.questions:
            raise ConfigError(
                "serve: no area takes events, or answers. Declare `source: {kind: events}` or "
                "`answers` in the area.yml of one."
            )
        self.mrr = Pool(dsns["mrr"], "mrr", size=_SESSIONS)
        self._stg = Pool(dsns["stg"], "stg", size=_FEW)
        self._dwh = Pool(dsns["dwh"], "dwh", size=_FEW)
        self._star = Pool(
            dsns["dwh"],
            "dwh",
            size=_FEW,
            timeout=settings.patience,
            roles=(ANALYST_ROLE,),
            is_reading=True,
        )
        self.metrics = Metrics()
        self._states = States(self.mrr, self._stg, self._dwh)
        self._waking = Waking(self.mrr, self._states, self.metrics)
        limits = Limits(settings.rate)
        self.intake = Intake(self.kinds, self.mrr, limits, self.metrics, self._woken)

    def state(self, key: str, area: str | None, event_id: str) -> State:
        """Tell what became of an event.

        Raises:
            Problem: the key may not see it, there is none, or several areas have one.
        """
        admitted = self.intake.admit(key)
        if area is not None and area not in self.kinds.areas:
            raise Problem(404, "There is no such area that takes events.")
        found: list[State] = []
        for name in self.kinds.areas if area is None else [area]:
            seen = [
                kind
                for kind in self.kinds
                if kind.area == name and _sees(admitted, kind.area, kind.name)
            ]
            if seen and (state := self._states.find(seen, name, event_id)):
                found.append(state)
        if not found:
            raise Problem(404, "There is no event with this id that this key may see.")
        if len(found) > 1:
            areas = ", ".join(one.area for one in found)
            raise Problem(422, f"Several areas have such an event: {areas}. Give `?area=`.")
        return found[0]

    def answer(self, key: str, question: Question, given: Iterable[tuple[str, str]]) -> str:
        """Answer a question; returns JSON.

        Raises:
            Problem: the key may not ask, or there is no answer.
        """
        if not self.intake.admit(key).may_read(question.area):
            raise Problem(403, f"This key may not read answers of {question.area}.")
        return question.ask(self._star, given)

    def refuse_unready(self) -> None:
        """Raise Problem or an error if events can't be taken now."""
        with self.mrr.session() as mrr:
            if not mrr.value(compose.statement(__name__, "has_inbox")):
                raise Problem(503, "MRR has no inbox. Run `tidemark migrate`.")

    def measured(self) -> tuple[bytes, str]:
        """Return the metrics, and the type of that."""
        return self.metrics.text(self._states.waiting(self.kinds.areas))

    def _woken(self, area: str, event_id: str) -> None:
        if self._worker:
            self._worker.wake(area)
        self._waking.woken(area, event_id)

    def __enter__(self) -> Service:
        if self._worker:
            self._worker.start()
        self._waking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waking.stop()
        if self._worker:
            self._worker.stop()
        for pool in (self.mrr, self._stg, self._dwh, self._star):
            pool.close()


def _sees(key: Key, area: str, kind: str) -> bool:
    return key.may_post(area, kind) or key.may_read(area)
