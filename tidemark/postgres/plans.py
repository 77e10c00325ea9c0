"""Queries that a session sends again word for word, of which PostgreSQL keeps the plan.

A look at the catalog takes longer to plan than to run, and a worker asks the same in each batch.
Prepared statements belong to a session, as do its settings: no pooler lends it to others meanwhile.
"""

from __future__ import annotations

from itertools import count

MOST = 100
"""So many queries are known at most. Those that came once make place for others."""

_numbers = count()
"""For names that are new in each connection of the process."""


class Plans:
    """The queries that a session has sent, and the names of those that are prepared."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}

    def sending(self, query: bytes) -> tuple[bytes, bytes]:
        """Return what to send for a query, and the name that it is prepared by then, if any.

        That is the query at first, then what prepares it, then what executes it.
        """
        name = self._names.get(query)
        if name is None:
            return query, b""
        if name:
            return b"execute " + name, name
        name = b"tidemark_%d" % next(_numbers)
        return b"prepare " + name + b" as\n" + query + b";\nexecute " + name, name

    def answered(self, query: bytes, name: bytes) -> None:
        """Note that what was sent for a query has been executed.

        PostgreSQL keeps what is prepared also where the transaction is rolled back.
        """
        if len(self._names) >= MOST and query not in self._names:
            self._names = {one: kept for one, kept in self._names.items() if kept}
        if len(self._names) < MOST or query in self._names:
            self._names[query] = name
