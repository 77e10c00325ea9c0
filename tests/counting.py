"""What is sent to the servers: every statement, but what opens a session or a transaction.

A heartbeat's statements go past a `Session`, so they are not among them. Several statements in one
message count once: they take one round trip.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.model import Hop
from tidemark.postgres import sessions
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.results import HopResult

_OPENS_OR_ENDS = re.compile(r"\s*(begin|commit|rollback)\b[^;]*", re.IGNORECASE)
_DDL = re.compile(
    r"""(?:\A|;)\s*(create|alter|drop|truncate|analyze(?!\s+\S+\.touched"))\b""", re.IGNORECASE
)

ENDS = "end"
"""Where those are counted that come after the last hop."""


@dataclass
class Sent:
    """Statements in the order in which they were sent, by the hop that sent them."""

    statements: list[tuple[str, str, str]] = field(default_factory=list)
    """Hop, server and text of each."""

    @property
    def by_hop(self) -> Counter[str]:
        """How many each hop has sent; what comes before the first hop is the first one's."""
        return Counter(hop for hop, _, _ in self.statements)

    def by_server(self, hop: Hop) -> Counter[str]:
        """How many a hop has sent to each server."""
        return Counter(server for one, server, _ in self.statements if one == hop)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.statements)

    @property
    def ddl(self) -> list[str]:
        """Those that define tables, or empty and analyze them, but for the grains to compute."""
        return [text for _, _, text in self.statements if _DDL.search(text)]


@contextmanager
def every_statement() -> Iterator[list[tuple[str, str]]]:
    """Collect server and text of each statement that this process sends in the block."""
    sent: list[tuple[str, str]] = []
    opening: set[int] = set()
    cursor_of, begin = Session._cursor, sessions._begin

    @contextmanager
    def watched(session: Session) -> Iterator[Any]:
        with cursor_of(session) as cursor:
            try:
                yield cursor
            finally:
                text = (cursor.query or b"").decode()
                if text and id(session) not in opening and not _OPENS_OR_ENDS.fullmatch(text):
                    sent.append((session.server, text))

    def opened(session: Session, *rest: Any) -> None:
        opening.add(id(session))
        try:
            begin(session, *rest)
        finally:
            opening.discard(id(session))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "_cursor", watched)
        patch.setattr(sessions, "_begin", opened)
        yield sent


def run(servers: Servers, area: Area) -> Sent:
    """Run a batch, and return what it has sent."""
    sent = Sent()
    with every_statement() as statements:

        def take(hop: Hop | str) -> None:
            sent.statements.extend((hop, *one) for one in statements)
            statements.clear()

        def report(done: HopResult) -> None:
            take(done.hop)

        pipeline.run(servers, area, report=report)
        take(ENDS)
    return sent


def listed(sent: Sequence[tuple[str, str, str]]) -> str:
    """Return what was sent, a line for each statement, for the message of a failed test."""
    return "\n".join(
        f"{hop:8} {server:12} {' '.join(sql.split())[:90]}" for hop, server, sql in sent
    )
