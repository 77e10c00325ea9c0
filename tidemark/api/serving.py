"""Run a web application until a signal ends it: requests in flight end with their answers."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.declare import extras
from tidemark.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette

GRACE = 30
"""Seconds that requests in flight may take after a signal."""
_WAITING = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""
_MODULES = (
    "fastapi",
    "fastapi_offline",
    "jinja2",
    "prometheus_client",
    "sqlglot",
    "uvicorn",
)

Tls = tuple[Path, Path]
"""The files of a certificate, with those that signed it, and of its key."""


def refuse_without_extra(command: str) -> None:
    """Raise ConfigError if a package is missing that a command needs."""
    from importlib.util import find_spec

    for module in _MODULES:
        if find_spec(module) is None:
            raise ConfigError(f"{command}: {extras.lacking(module)}.")


def server(app: Starlette, host: str, port: int, tls: Tls | None = None) -> Any:
    """Make the server of an application (`uvicorn.Server`)."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            ssl_certfile=tls and str(tls[0]),
            ssl_keyfile=tls and str(tls[1]),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE,
        )
    )


def run(
    app: Starlette, host: str, port: int, *, tls: Tls | None = None, told: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        app: the application.
        host: where to listen.
        port: the same; 0: any that is free.
        tls: None: it serves plain HTTP.
        told: is told the address, as soon as it takes requests.

    Raises:
        UsageError: the address can't be listened at, or the certificate can't be used.
    """
    made = server(app, host, port, tls)
    try:
        made.config.load()
    except OSError as error:  # so are the errors of TLS
        raise UsageError(f"the certificate or its key can't be used: {error}.") from error
    with _socket(host, port) as listening, _signals_end(made):
        told(f"http{'s' if tls else ''}://{host}:{listening.getsockname()[1]}")
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
                f"{host}:{port} can't be listened at: {error}. Give another --host or "
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
