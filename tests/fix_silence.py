"""Connections that fall silent: a proxy that stalls, and a namespace whose packets are dropped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME
from tidemark.postgres import connections, heartbeat

THERE, BACK = "there", "back"
"""To the server, and back from it."""


class Proxy:
    """Forwards to a server until it stalls. From then on it takes what is sent, and keeps it."""

    def __init__(self, dsn: str, listen: str = "127.0.0.1") -> None:
        self._server = urlsplit(dsn)
        self._listener = socket.create_server((listen, 0))
        self._flows: list[tuple[str, threading.Event]] = []
        self._sockets = [self._listener]
        self.stalls_logins = False
        """Whether it stalls behind the login of each new connection."""
        self.room: dict[str, int] = {}
        """Direction -> the bytes that a connection carries at most."""
        place = f"{listen}:{self._listener.getsockname()[1]}"
        login = self._server.netloc.rpartition("@")[0]
        self.dsn = self._server._replace(netloc=f"{login}@{place}").geturl()
        self._start(self._accept)

    def stall(self, *directions: str, new: bool = False) -> None:
        """Let the connections that there are carry nothing more, and new ones too if asked."""
        if new:
            self.room |= dict.fromkeys(directions, 0)
        for direction, flow in self._flows:
            if direction in directions:
                flow.clear()

    def refuse(self) -> None:
        """Take no new connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """Close all connections, and listen no more."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for _, flow in self._flows:
            flow.set()

    def _start(self, *work: object) -> None:
        target, *arguments = work
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._server.hostname, self._server.port))
                self._sockets += [client, server]
                self._start(self._forward, client, server, THERE)
                self._start(self._forward, server, client, BACK)

    def _forward(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        flow, carried = threading.Event(), 0
        self._flows.append((direction, flow))
        flow.set()
        with suppress(OSError):
            while data := source.recv(1 << 16):
                carried += len(data)
                is_question = self.stalls_logins and data.startswith(b"Q")
                if is_question or carried > self.room.get(direction, carried):
                    flow.clear()
                flow.wait(PATIENCE)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask after moments, where a run asks after many seconds."""
    for name in ("TICK", "FIRST", "EVERY"):
        monkeypatch.setattr(heartbeat, name, 0.3)
    monkeypatch.setattr(heartbeat, "ANSWER", 2.0)
    monkeypatch.setattr(connections, "LOGIN", 2)


@pytest.fixture
def proxies() -> Iterator[list[Proxy]]:
    """Proxies that are closed in the end."""
    made: list[Proxy] = []
    yield made
    for each in made:
        each.close()


_HURRIED = """
    import sys
    from tidemark.postgres import connections, heartbeat, interrupts
    heartbeat.TICK = heartbeat.FIRST = heartbeat.EVERY = 0.5
    heartbeat.ANSWER = connections.CANCEL = interrupts.SHUT = 1.0
    interrupts.LEAVE = 4.0
    connections.LOGIN, connections.PATIENCE = 2, 6.0
    from tidemark.cli import main
    main()
"""


def hurried(
    words: Sequence[str], environment: Mapping[str, str], inside: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start a command of Tidemark that has a tenth of the usual patience with servers."""
    return subprocess.Popen(
        [*inside, sys.executable, "-c", textwrap.dedent(_HURRIED), *words],
        cwd=HOME,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Namespace:
    """A network of its own: inside there is one address, and outside another one of this machine.

    Needs root, `ip` and `iptables`.
    """

    name = f"tidemark{os.getpid() % 10000}"
    outside = f"10.213.{os.getpid() % 256}.1"
    inside = ("ip", "netns", "exec", name)

    def open(self) -> None:
        """Make the network."""
        there, here = f"{self.name}i", f"{self.name}o"
        _ip("netns", "add", self.name)
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
        _ip("addr", "add", f"{self.outside}/30", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-n", self.name, "addr", "add", f"{self.outside[:-1]}2/30", "dev", there)
        _ip("-n", self.name, "link", "set", there, "up")

    def drop(self) -> None:
        """Drop every packet that goes in or out, without an answer."""
        for chain in ("INPUT", "OUTPUT"):
            _do(*self.inside, "iptables", "-A", chain, "-j", "DROP")

    def close(self) -> None:
        """Remove the network."""
        _ip("link", "delete", f"{self.name}o")
        _ip("netns", "delete", self.name)


def _ip(*words: str) -> None:
    _do("ip", *words)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, timeout=PATIENCE, capture_output=True)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network whose packets may be dropped."""
    missing = [program for program in ("ip", "iptables") if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        pytest.skip("needs root, ip and iptables")
    made = Namespace()
    try:
        made.open()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no namespace can be made here: {error.stderr}")
    yield made
    made.close()
