"""Statements that a session sends again word for word, of which PostgreSQL keeps the plan.

A statement of a small batch takes longer to plan than to run, and a worker sends the same in each
batch. The plan of a few rows does no harm to many: their work tables are made anew, and so are the
plans that read them. What is prepared belongs to a session, as its settings do: no pooler lends it
to others meanwhile.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import count

MOST = 500
"""So many statements are known at most. Those that came once make place for others."""

_IS_PLANNED = re.compile(rb"(?:select|insert|update|delete|merge|with)\b[^;]*\Z")
"""Other statements have no plan, and only one can be prepared at once."""
_LONGEST = 48
"""Bytes of a statement's name; a number goes behind it, and PostgreSQL takes 63."""

_numbers = count()
"""For names that are new in each connection of the process."""


class Plans:
    """The statements that a session has sent, and the names of those that are prepared."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}
        """Digest of a statement -> the name that it is prepared by, if any."""
        self._sent: list[tuple[bytes, bytes]] = []
        """The same, of statements that are sent and not yet answered."""

    def sending(self, statement: bytes, name: str) -> bytes:
        """Return what to send for a statement; `name` is what people know it by.

        That is the statement at first, then what prepares it, then what executes it.
        """
        if not _IS_PLANNED.match(statement):
            return statement
        digest = blake2b(statement, digest_size=16).digest()
        prepared = self._names.get(digest)
        if prepared:
            return b"execute " + prepared
        if prepared is None:
            self._sent.append((digest, b""))
            return statement
        new = b'"%s %d"' % ((name or "tidemark").encode()[:_LONGEST], next(_numbers))
        self._sent.append((digest, new))
        return b"prepare " + new + b" as\n" + statement + b";\nexecute " + new

    def answered(self) -> None:
        """Note that what was sent has been executed.

        PostgreSQL keeps what is prepared also where the transaction is rolled back.
        """
        for digest, name in self._sent:
            if len(self._names) >= MOST and digest not in self._names:
                self._names = {one: kept for one, kept in self._names.items() if kept}
            if len(self._names) < MOST or digest in self._names:
                self._names[digest] = name
        self._sent.clear()

    def failed(self) -> None:
        """Forget what was sent: nobody knows how far it came."""
        self._sent.clear()
