"""What the service tells a monitoring system of itself: counts and times, and no event's values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from tidemark.api.problems import Outcome

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An application, as ASGI has it."""


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self.requests = Counter(
            "tidemark_api_requests",
            "Requests, by route and the status of the answer.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._events = Counter(
            "tidemark_api_events",
            "Events that were posted, by what became of them.",
            ["area", "kind", "outcome"],
            registry=self._registry,
        )
        self._visible = Histogram(
            "tidemark_api_visible_seconds",
            "From the commit of an event to its batch in the DWH: of about one event a second.",
            ["area"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._oldest = Gauge(
            "tidemark_api_oldest_waiting_seconds",
            "Age of the oldest event that no batch has taken; 0: none waits, NaN: MRR is away.",
            ["area"],
            registry=self._registry,
        )

    def count(self, area: str, kind: str, outcome: Outcome) -> None:
        """Count an event; without a kind, it is not known which it was."""
        self._events.labels(area, kind, outcome).inc()

    def saw(self, area: str, seconds: float) -> None:
        """Put down how long an event took to be visible."""
        self._visible.labels(area).observe(max(seconds, 0))

    def text(self, waiting: Mapping[str, float]) -> tuple[bytes, str]:
        """Return all metrics as Prometheus reads them, and the type of that.

        Args:
            waiting: area -> age of its oldest event that waits, in seconds.
        """
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        for area, seconds in waiting.items():
            self._oldest.labels(area).set(seconds)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class Counted:
    """An application whose requests are counted."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it by the status of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # The template of its path: there are as many of these as the service has routes.
            route = getattr(scope.get("route"), "path", "")
            method = scope["method"] if route else ""
            self._metrics.requests.labels(method, route, str(status)).inc()
