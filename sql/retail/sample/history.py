"""Two years of sales, and the customers and products that they need, up to a given instant."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random

import sqlalchemy as sa

from . import rows, store
from .rows import Chunk

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how much of it is done, and how much there will be."""

DAYS = 730
"""Days with sales. Half of the customers and products are older, the others join meanwhile."""
ROWS_PER_CHUNK = 5_000

WEEK = (0.9, 0.85, 0.9, 1.0, 1.25, 1.4, 1.1)
"""Weight of Monday to Sunday."""
YEAR = (0.8, 0.8, 0.9, 0.95, 1.0, 1.0, 0.95, 0.9, 1.0, 1.05, 1.4, 1.7)
"""Weight of January to December."""
HOURS = (1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 12, 12, 11, 10, 10, 11, 12, 13, 14, 12, 9, 5, 2)
MINUTES = [
    f" {hour:02}:{minute:02}:"
    for hour, weight in enumerate(HOURS)
    for minute in range(60)
    for _ in range(weight)
]
SECONDS = [f"{second:02}+00" for second in range(60)]


class History:
    """The content of a freshly seeded database, as a stream of chunks per table.

    The streams are read one after the other, as `streams` has them: they share one `Random`, and a
    sale costs what its product does. Every instant is before `until`, but for broken ones.
    `updated_at` is left to its default: a row that said it was written before it was would lie
    below the high-water mark of an extraction that has already been there, and never be read.
    """

    def __init__(
        self, totals: Mapping[str, int], *, random_seed: int, dirty: float, until: datetime
    ) -> None:
        self.totals = totals
        self._rng = Random(random_seed)
        self._people = rows.make_people(random_seed)
        self._dirty = dirty
        midnight = until.astimezone(UTC).date()
        self._dates = [midnight - timedelta(days=ago) for ago in range(2 * DAYS, 0, -1)]
        self._days = [date.isoformat() for date in self._dates]
        self._prices: list[str] = []

    def streams(self) -> dict[str, Iterator[Chunk]]:
        """Return the chunks of each table; no memory is taken until they are read."""
        return {
            "customers": self._customers(),
            "products": self._products(),
            "sales": self._sales(),
        }

    def _customers(self) -> Iterator[Chunk]:
        total = self.totals["customers"]
        for ids in _slices(0, total):
            made = rows.customers(self._rng, self._people, len(ids))
            rows.spoil(self._rng, made, rows.BROKEN_CUSTOMERS, self._dirty)
            made["created_at"] = self._instants([_joined(key, total) for key in ids])
            yield {"customer_id": list(map(str, ids)), **made}

    def _products(self) -> Iterator[Chunk]:
        total = self.totals["products"]
        for ids in _slices(0, total):
            made = rows.products(self._rng, self._people, len(ids))
            self._prices += made["unit_price"]
            rows.spoil(self._rng, made, rows.BROKEN_PRODUCTS, self._dirty)
            made["created_at"] = self._instants([_joined(key, total) for key in ids])
            yield {"product_id": list(map(str, ids)), **made}

    def _sales(self) -> Iterator[Chunk]:
        weights = [WEEK[date.weekday()] * YEAR[date.month - 1] for date in self._dates[DAYS:]]
        running = list(accumulate(weights, initial=0.0))
        ends = [round(self.totals["sales"] * part / running[-1]) for part in running]
        for day, (start, end) in enumerate(pairwise(ends), start=DAYS):
            customers = range(1, _known(day, self.totals["customers"]) + 1)
            products = range(1, _known(day, self.totals["products"]) + 1)
            for ids in _slices(start, end):
                made = rows.sales(self._rng, customers, products, self._prices, len(ids))
                made["created_at"] = self._instants([day] * len(ids))
                made["transaction_timestamp"] = made["created_at"].copy()
                rows.spoil(self._rng, made, rows.BROKEN_SALES, self._dirty)
                yield {"sale_id": list(map(str, ids)), **made}

    def _instants(self, days: Sequence[int]) -> list[str]:
        """Make instants on the given days, in order."""
        clocks = self._clocks(len(days))
        return sorted(self._days[day] + clock for day, clock in zip(days, clocks, strict=True))

    def _clocks(self, count: int) -> Iterator[str]:
        minutes = self._rng.choices(MINUTES, k=count)
        return map(str.__add__, minutes, self._rng.choices(SECONDS, k=count))


def _slices(start: int, end: int) -> Iterator[range]:
    """Cut the ids after `start` up to `end` into chunks."""
    for low in range(start, end, ROWS_PER_CHUNK):
        yield range(low + 1, min(low + ROWS_PER_CHUNK, end) + 1)


def _joined(key: int, total: int) -> int:
    """Return the day on which the row with this id was created."""
    return (key - 1) * 2 * DAYS // total


def _known(day: int, total: int) -> int:
    """Count the rows that were created before a day; at least the first one."""
    return max(1, total * day // (2 * DAYS))


def write(
    connection: sa.Connection, tables: Sequence[sa.Table], history: History, progress: Progress
) -> dict[str, int]:
    """Fill the empty tables, and let their sequences go on after the last id.

    Returns:
        Rows written, by table.
    """
    streams = history.streams()
    counts = {}
    with store.bare(connection, tables):
        for table in tables:
            total = history.totals[table.name]
            chunks = _shown(streams[table.name], table.name, total, progress)
            counts[table.name] = store.copy(connection, table, chunks)
            sequence = sa.func.pg_get_serial_sequence(table.name, store.key(table).name)
            connection.execute(sa.select(sa.func.setval(sequence, total + 1, False)))
    connection.execute(sa.text(f"analyze {', '.join(counts)}"))
    return counts


def _shown(chunks: Iterable[Chunk], label: str, total: int, progress: Progress) -> Iterator[Chunk]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(next(iter(chunk.values())))
        progress(label, done, total)
