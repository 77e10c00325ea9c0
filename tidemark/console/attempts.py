"""How often somebody may try to log in: by name, and by address."""

from __future__ import annotations

import threading
import time

_BURST = {"name": 5, "address": 20}
"""Attempts at once."""
_SECONDS = {"name": 12.0, "address": 3.0}
"""Seconds in which one more comes."""
_MOST = 10_000
"""Names and addresses that are kept; those that have waited longest are forgotten."""


class Attempts:
    """A bucket of attempts for each name and each address, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        """Kind and value -> attempts that were left, and when."""

    def take(self, *, name: str, address: str) -> bool:
        """Count an attempt; returns whether it may be made."""
        with self._lock:
            now = time.monotonic()
            return all([self._take("name", name, now), self._take("address", address, now)])

    def _take(self, kind: str, value: str, now: float) -> bool:
        most, key = _BURST[kind], (kind, value)
        left, at = self._buckets.pop(key, (float(most), now))
        left = min(most, left + (now - at) / _SECONDS[kind])
        is_enough = left >= 1
        self._buckets[key] = (left - is_enough, now)
        if len(self._buckets) > _MOST:
            del self._buckets[next(iter(self._buckets))]
        return is_enough
