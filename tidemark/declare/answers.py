"""What `area.yml` says of questions that applications may ask the DWH: addresses and functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, model_validator

from tidemark.declare.declaration import Declaration
from tidemark.declare.posted import TAKEN_PATHS, PostedField
from tidemark.declare.scalars import Identifier

_WORD = r"[a-z][a-z0-9_-]*"
_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_PATH = re.compile(rf"{_WORD}(?:/(?:{_WORD}|{_PLACE.pattern}))*")


def _path(value: str) -> str:
    if not _PATH.fullmatch(value):
        raise ValueError(f"{value!r}: write a path such as assets/{{s3_key}}, in lowercase letters")
    if value.partition("/")[0] in TAKEN_PATHS:
        raise ValueError(f"{value!r}: /v1/{value.partition('/')[0]} is the service's own")
    return value


class Answer(Declaration):
    """A function of the DWH that answers one kind of question."""

    function: Identifier
    """Its name in the area's schema. It returns one jsonb; null: there is no such thing."""
    description: str = ""
    parameters: Mapping[Identifier, PostedField] = {}
    """Its arguments, by name: those in the path, and others behind a question mark. One that is
    not `required` has a default."""

    @model_validator(mode="after")
    def _parameters_fit_into_an_address(self) -> Answer:
        for name, one in self.parameters.items():
            if one.type == "jsonb":
                raise ValueError(f"parameters.{name}: an address has no place for jsonb")
        return self

    def in_path(self, path: str) -> list[str]:
        """Name the parameters that a path has."""
        return [name for name in self.parameters if f"{{{name}}}" in path]


def _complete(answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    for path, one in answers.items():
        for name in _PLACE.findall(path):
            if name not in one.parameters or not one.parameters[name].required:
                raise ValueError(
                    f"{path}: {{{name}}} is no parameter of it that is required; add it to "
                    "`parameters`"
                )
    return answers


Answers = Annotated[
    Mapping[Annotated[str, AfterValidator(_path)], Answer], AfterValidator(_complete)
]
"""Path below /v1/ -> what answers there."""
