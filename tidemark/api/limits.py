"""How many requests a key may make: a bucket of tokens for each, in this process."""

from __future__ import annotations

import math
import threading
import time

from tidemark.api.problems import Problem


class Limits:
    """As many requests in a second, and as many more at once if there were none before."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """Name of the key -> tokens that were there, and when."""

    def take(self, key: str) -> None:
        """Count a request.

        Raises:
            Problem: 429, with the time after which the next one is taken.
        """
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            tokens, at = self._buckets.get(key, (self._rate, now))
            tokens = min(max(self._rate, 1.0), tokens + (now - at) * self._rate)
            is_enough = tokens >= 1
            self._buckets[key] = (tokens - is_enough, now)
        if not is_enough:
            wait = math.ceil((1 - tokens) / self._rate)
            raise Problem(
                429,
                f"This key may make {self._rate:g} requests a second.",
                headers={"Retry-After": str(wait)},
            )
