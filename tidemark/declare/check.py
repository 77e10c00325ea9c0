"""What `area.yml` says of any check: its name and layer, and what a broken one does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)

from tidemark.declare.declaration import Declaration
from tidemark.model import Layer

Severity = Literal["reject", "warn", "fail"]

_NAME = re.compile(r"\S(?:[^\x00-\x1f]{0,118}\S)?")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r}: a name is one line of 1 to 120 characters")
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty; write SQL, or leave it out")
    return value.strip().rstrip(";")


Name = Annotated[str, AfterValidator(_name)]
Sql = Annotated[str, AfterValidator(_text)]


class AtMost(BaseModel):
    """How many rows may break a check: a number such as 10, or a share of the rows such as 1%."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=0)] = 0
    share: Decimal | None = None
    """Of the rows that are looked at, from 0 to 1; None: `rows` says how many."""

    @model_validator(mode="before")
    @classmethod
    def _is_spelled_out(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"rows": value}
        if not isinstance(value, str):
            return value
        found = _SHARE.fullmatch(value.strip())
        if value.strip().isdecimal():
            return {"rows": int(value)}
        if not found or Decimal(found[1]) > 100:
            raise ValueError(f"{value!r}: write a number of rows such as 10, or a share such as 1%")
        return {"share": Decimal(found[1]) / 100}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: Any, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": ["integer", "string"], "description": cls.__doc__, "examples": [10, "1%"]}

    def __str__(self) -> str:
        if self.share is None:
            return f"{self.rows:,}"
        return f"{(self.share * 100).normalize():f}%"


class Check(Declaration):
    """What must hold, where it is looked at, and what happens if it does not."""

    KIND: ClassVar[str] = ""
    IS_OF_ONE_ROW: ClassVar[bool] = False
    """Whether it judges each row by itself."""

    name: Name | None = None
    """By default made of the entity, the kind and the columns."""
    description: str = ""
    on: Layer | None = None
    """The layer whose rows it judges. By default `stg` with `severity: reject`; else `dwh`, or
    `stg` if the entity has no table there."""
    severity: Severity = "fail"
    """`reject`: a row that breaks it is refused in STG, like by cleansing; `warn`: it is told;
    `fail`: nothing is published until it holds."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, of its entity's table in its layer."""
        return ()

    @property
    def condition(self) -> str:
        """SQL over a row: which rows it looks at; '': all."""
        return ""

    @property
    def usual_name(self) -> str:
        """The name that it has behind its entity's unless another one is declared."""
        return "_".join([self.KIND, *self.columns])


class OfRows(Check):
    """A check that counts rows."""

    where: Sql | None = None
    """SQL over a row: only rows for which it is true are looked at."""
    at_most: AtMost = AtMost()
    """How many rows may break it."""
    scope: Literal["batch", "table"] | None = None
    """Look at what the batch wrote, or at the whole table. By default what was written since the
    check last held of all rows: what it finds is the same."""

    @model_validator(mode="after")
    def _rejects_each_row(self) -> OfRows:
        if self.severity == "reject" and self.model_fields_set & {"at_most", "scope"}:
            raise ValueError(
                "with `severity: reject` each row that breaks it is refused, so `at_most` and "
                "`scope` say nothing; `monitor: {max_reject_ratio: …}` says how many are too many"
            )
        return self

    @property
    def condition(self) -> str:
        """See Check."""
        return self.where or ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A check with its name, and where it looks."""

    name: str
    entity: str | None
    """None: it is of the area."""
    layer: Layer
    check: Check

    @property
    def reason(self) -> str:
        """Why a row is refused that breaks it, of a check that rejects rows."""
        return self.check.description or f"it breaks the check {self.name}"

    @property
    def definition(self) -> str:
        """A checksum of what it looks at. What it did before counts as long as that is the same."""
        said = self.check.model_dump_json(exclude={"description", "severity", "name"})
        return hashlib.sha256(f"{self.layer}.{self.entity}:{said}".encode()).hexdigest()


def placed(checks: Sequence[Check], entity: str | None, layer: Layer) -> Iterator[Placed]:
    """Yield checks with their names and layers.

    Args:
        checks: those of one entity, or of the area.
        entity: its name; None: the area.
        layer: where they look unless they say so, or reject rows.
    """
    for check in checks:
        usual = "_".join(filter(None, [entity, check.usual_name]))
        where: Layer = check.on or ("stg" if check.severity == "reject" else layer)
        yield Placed(check.name or usual, entity, where, check)
