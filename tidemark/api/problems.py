"""What the service says when it can't do what it is asked: problem details (RFC 9457).

They name fields and reasons, and never a value of an event.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Literal

from tidemark.errors import ConnectError, RefusedRowError, StatementError, TidemarkError

MEDIA_TYPE = "application/problem+json"
AGAIN = 5
"""Seconds after which a client may try again where PostgreSQL is away."""

Outcome = Literal[
    "stored", "repeated", "conflicting", "refused", "unauthorized", "limited", "unavailable"
]
"""What may become of an event that was posted; the first three are those of `layers.inbox`."""

_OF_DATA = "22", "23"
"""Classes of SQLSTATEs of a value that PostgreSQL does not take."""
_OUTCOMES: Mapping[int, Outcome] = MappingProxyType(
    {
        401: "unauthorized",
        403: "unauthorized",
        409: "conflicting",
        429: "limited",
        500: "unavailable",
        503: "unavailable",
    }
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a field is not taken."""

    field: str
    """Its name; '' if the event as a whole is not taken."""
    reason: str


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - that is what the RFC calls it
    """An answer that says what is wrong."""

    status: int
    detail: str
    reasons: Iterable[Reason] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What became of the events of the request."""
        return _OUTCOMES.get(self.status, "refused")

    @property
    def body(self) -> bytes:
        """The problem as JSON."""
        told: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if reasons := [{"field": one.field, "reason": one.reason} for one in self.reasons]:
            told["errors"] = reasons
        return json.dumps(told).encode()


def unauthorized() -> Problem:
    """Return the answer to a request without a key that is in force."""
    return Problem(
        401,
        "A key is needed that is in force: `Authorization: Bearer tm_…`.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def unavailable(what: str, seconds: int = AGAIN) -> Problem:
    """Return the answer while something is away, with when to try again."""
    return Problem(503, f"{what} Try again.", headers={"Retry-After": str(seconds)})


def of_error(error: TidemarkError) -> Problem:
    """Return the answer to a request that an error ended.

    Only a value that PostgreSQL does not take is the client's to mend. Whatever else it is, the
    same request may be posted again.
    """
    if isinstance(error, ConnectError):
        return unavailable("PostgreSQL can't be reached now, so nothing was kept or read.")
    is_data = isinstance(error, StatementError) and (error.sqlstate or "").startswith(_OF_DATA)
    if is_data or isinstance(error, RefusedRowError):
        return Problem(422, "PostgreSQL does not take a value of this request.")
    return unavailable("PostgreSQL can't do that now, and the service's log says why.")


SCHEMA: Mapping[str, Any] = MappingProxyType(
    {
        "title": "Problem",
        "description": "Problem details, RFC 9457.",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "reason"],
                    "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                },
            },
        },
    }
)
"""JSON Schema of a problem."""
