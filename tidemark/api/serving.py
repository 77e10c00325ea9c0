"""Run the service until a signal ends it: requests in flight end with their answers."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tidemark.api.service import Service
from tidemark.declare import extras
from tidemark.errors import ConfigError, UsageError

GRACE = 30
"""Seconds that requests in flight may take after a signal."""
_WAITING = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""
_MODULES = ("fastapi", "fastapi_offline", "prometheus_client", "uvicorn")


def refuse_without_extra() -> None:
    """Raise ConfigError if a package is missing that the service needs."""
    from importlib.util import find_spec

    for module in _MODULES:
        if find_spec(module) is None:
            raise ConfigError(f"serve: {extras.lacking(module)}.")


def server(service: Service, host: str, port: int) -> Any:
    """Make the server of a service (`uvicorn.Server`)."""
    import uvicorn

    from tidemark.api import app

    return uvicorn.Server(
        uvicorn.Config(
            app.build(service),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE,
        )
    )


def run(service: Service, host: str, port: int, *, told: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        service: entered by the caller.
        host: where to listen.
        port: the same; 0: any that is free.
        told: is told the address, as soon as it takes requests.

    Raises:
        UsageError: the address can't be listened at.
    """
    made = server(service, host, port)
    with _socket(host, port) as listening, _signals_end(made):
        told(f"http://{host}:{listening.getsockname()[1]}")
        made.run(sockets=[listening])


@contextmanager
def _socket(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, port))
            # Who is told the address may call at once: the call waits until the server takes it.
            opened.listen(_WAITING)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"serve: {host}:{port} can't be listened at: {error}. Give another --host or "
                "--port, or end what listens there."
            ) from error
        yield opened


@contextmanager
def _signals_end(made: Any) -> Iterator[None]:
    """End the server by a signal, also by one that comes before uvicorn looks for signals.

    uvicorn raises those that it took again once it has ended: they end no more than the server.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, made.handle_exit) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
