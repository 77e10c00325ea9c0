"""Answers from the star: a function of the DWH for each declared address, called as an analyst."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidemark.api.pool import Pool
from tidemark.api.problems import Problem, Reason
from tidemark.declare import payload
from tidemark.declare.answers import Answer
from tidemark.declare.config import Area
from tidemark.errors import ConfigError
from tidemark.postgres import compose, db


@dataclass(frozen=True, slots=True)
class Question:
    """One address at which an area answers."""

    area: str
    schema: str
    path: str
    declared: Answer

    @property
    def route(self) -> str:
        """The path as a pattern: its last parameter takes slashes too, as keys of S3 have them."""
        head, brace, last = self.path.rpartition("{")
        return f"{head}{{{last[:-1]}:path}}" if brace and last.endswith("}") else self.path

    def ask(self, dwh: Pool, given: Iterable[tuple[str, str]]) -> str:
        """Ask, and return the answer as JSON.

        Args:
            dwh: sessions of an analyst, which only read.
            given: parameters by name, as an address has them.

        Raises:
            Problem: the parameters are wrong, or there is no answer.
        """
        function = db.name(self.schema, self.declared.function)
        arguments = db.raw(", ").join(
            compose.statement(
                __name__,
                "argument",
                name=db.name(name),
                value=db.literal(value),
                type=db.raw(self.declared.parameters[name].sql_type),
            )
            for name, value in self._values(given).items()
        )
        call = compose.statement(__name__, "answer", function=function, arguments=arguments)
        with dwh.session() as session:
            answer: str | None = session.value(call)
        if answer is None:
            raise Problem(404, "There is no such thing.")
        return answer

    def _values(self, given: Iterable[tuple[str, str]]) -> Mapping[str, object]:
        values: dict[str, object] = {}
        wrong: list[Reason] = []
        for name, text in given:
            if name not in self.declared.parameters:
                raise Problem(422, "There is a parameter that this address does not have.")
            if name in values:
                wrong.append(Reason(name, "is there twice"))
                continue
            try:
                values[name] = payload.of_text(self.declared.parameters[name], text)
            except ValueError as error:
                wrong.append(Reason(name, str(error)))
        wrong += [
            Reason(name, "is missing")
            for name, one in self.declared.parameters.items()
            if one.required and name not in values and name not in {one.field for one in wrong}
        ]
        if wrong:
            raise Problem(422, "The parameters are wrong.", wrong)
        return values


def questions(areas: Iterable[Area]) -> list[Question]:
    """Return all declared addresses; one that ends with a parameter is behind those that do not.

    Raises:
        ConfigError: two areas have one address.
    """
    found: dict[str, Question] = {}
    for one in _declared(areas):
        if (other := found.setdefault(one.path, one)) is not one:
            raise ConfigError(
                f"sql/{one.area}/area.yml: answers.{one.path} is already an address of "
                f"{other.area}. Give one of them another path."
            )
    return sorted(found.values(), key=lambda one: one.path.endswith("}"))


def _declared(areas: Iterable[Area]) -> Iterator[Question]:
    for area in areas:
        for path, answer in area.answers.items():
            yield Question(area.area, area.schema_name, path, answer)
