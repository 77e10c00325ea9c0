"""What a page is asked, and what it answers: values, which a template shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidemark.console.access import Access, Level
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.postgres.sessions import Servers

UTC = ZoneInfo("UTC")


class Refused(Exception):  # noqa: N818 - an answer, and no fault
    """A page that is not shown, with the status that says why.

    404: there is none; 403: one may not see it; 400: it is asked for in a way that can't be read.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page."""

    areas: Mapping[str, Area]
    servers: Servers
    """As the person's level reads them."""
    access: Access
    path: Mapping[str, str]
    """Names in the path -> what stands there."""
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Parameters behind the `?`: name -> its values, none of them empty."""

    @property
    def area(self) -> Area:
        """The area that the path names.

        Raises:
            Refused: there is none.
        """
        name = self.path["area"]
        if name not in self.areas:
            raise Refused(404, "There is no such area. The overview has those that there are.")
        return self.areas[name]

    @property
    def entity(self) -> Entity:
        """The entity of the area that the path names.

        Raises:
            Refused: there is none.
        """
        found = self.area.entities.get(self.path["entity"])
        if found is None:
            raise Refused(404, f"{self.area.area} has no such entity. Its page has those it has.")
        return found

    @property
    def zone(self) -> ZoneInfo:
        """In whose time instants are shown: `?zone=Europe/Berlin`.

        Raises:
            Refused: there is no such zone.
        """
        name = self.text("zone")
        try:
            return ZoneInfo(name) if name else UTC
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused(400, "zone: there is no such time zone. Try `Europe/Berlin`.") from None

    def text(self, name: str) -> str:
        """Return a parameter; '': it is not given.

        Raises:
            Refused: it is given twice.
        """
        values = self.query.get(name, ())
        if len(values) > 1:
            raise Refused(400, f"{name} is given twice. Give it once.")
        return values[0] if values else ""

    def number(self, name: str, default: int) -> int:
        """Return a parameter that is a number from 0 to 2^63 - 1.

        Raises:
            Refused: it is none.
        """
        text = self.text(name)
        if not text:
            return default
        return whole(name, text)

    def require(self, level: Level, what: str) -> None:
        """Raise Refused unless the person sees what a level sees."""
        if not self.access.reaches(level):
            raise Refused(
                403, f"{what} is for the level {level}, and yours is {self.access.level}."
            )


def whole(name: str, text: str) -> int:
    """Read a number from 0 to 2^63 - 1, as PostgreSQL's bigint holds it.

    Raises:
        Refused: it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) >= 1 << 63:
        raise Refused(400, f"{name}: a whole number is needed.")
    return int(text)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page answers: a template, and the values for it."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
