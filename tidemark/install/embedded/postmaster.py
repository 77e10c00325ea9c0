"""Live servers, as the postmaster.pid of their clusters describes them.

Root reads that file too, although it belongs to another user. Only the numbers in it are used, and
a pid only if its process is of that user. It is stopped with that user's rights.
"""

import os
import stat
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemark.errors import EmbeddedError
from tidemark.install.embedded.user import TIMEOUT, User, run

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live server, as its postmaster.pid describes it."""

    pid: int
    port: int
    ready: bool


def find(cluster: Path) -> Postmaster | None:
    """Return the live server of a cluster; a pid file that a crash left behind counts as nothing.

    Lines of postmaster.pid: pid, data folder, start time, port, socket folder, address, shared
    memory, status (src/include/utils/pidfile.h).
    """
    try:
        lines = _pid_file(cluster)
        pid = int(lines[0])
        # A negative pid is a single-user session's.
        if pid <= 0 or not _is_server_of(pid, cluster):
            return None
        port = int(lines[3]) if len(lines) > 3 and lines[3] else 0
    except (OSError, ValueError, IndexError, OverflowError):
        return None
    return Postmaster(pid, port, ready=0 < port < 1 << 16 and lines[-1].strip() == "ready")


def _pid_file(cluster: Path) -> list[str]:
    """Read the lines of a cluster's postmaster.pid, if it is a file of the cluster's owner."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # no wait for the writer of a pipe
    with os.fdopen(os.open(cluster / "postmaster.pid", flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != cluster.lstat().st_uid:
            raise ValueError(f"{cluster}: postmaster.pid is no file of its owner's")
        return file.read(_LONGEST).decode("utf-8").splitlines()


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether process `pid` serves this cluster: after a reboot a pid may be anyone's.

    An unreaped process has an empty command line.
    """
    if Path("/proc/self/cmdline").exists():
        process = Path(f"/proc/{pid}")
        words = (process / "cmdline").read_bytes().split(b"\0")
        status = (process / "status").read_text("utf-8", "replace").splitlines()
        owner = next(line.split()[1] for line in status if line.startswith("Uid:"))
        is_named = os.fsencode(cluster.resolve()) in words
    else:  # macOS
        listing = ("ps", "-ww", "-o", "uid=,command=", "-p", str(pid))
        said = subprocess.run(listing, capture_output=True, check=False, timeout=TIMEOUT).stdout
        owner, _, command = said.decode("utf-8", "replace").strip().partition(" ")
        is_named = str(cluster.resolve()) in command
    return is_named and int(owner) == cluster.lstat().st_uid


def await_ready(cluster: Path) -> Postmaster | None:
    """Wait while a server starts or stops; return it if it is ready in the end."""
    deadline = time.monotonic() + TIMEOUT
    while (server := find(cluster)) and not server.ready:
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"{cluster}: its server (pid {server.pid}) is still not ready after {TIMEOUT} s. "
                "It may be recovering from a crash: run the command again."
            )
        time.sleep(0.02)
    return server


def drop_stale_pid_file(cluster: Path, user: User) -> None:
    """Remove a pid file that names no live server of this cluster.

    PostgreSQL would take any process of that pid for one. Should a killed server's children still
    live, PostgreSQL finds them by their shared memory, not by this file.
    """
    if os.path.lexists(cluster / "postmaster.pid") and not find(cluster):
        run(user, "rm", "-rf", cluster / "postmaster.pid")


def stop_all(clusters: Sequence[Path], user: User) -> list[str]:
    """Stop what runs of these, all at once; return the names of the clusters that ran."""
    found = {cluster: find(cluster) for cluster in clusters}
    servers = {cluster: server for cluster, server in found.items() if server}
    for server in servers.values():
        # Fast shutdown: roll back, then a checkpoint. Whoever has the pid by now, it reaches none
        # but the servers' user's.
        run(user, "sh", "-c", 'kill -INT "$1"', "sh", str(server.pid))
    deadline = time.monotonic() + TIMEOUT
    for cluster, server in servers.items():
        while find(cluster):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{cluster}: its server (pid {server.pid}) did not stop.")
            time.sleep(0.02)
    return sorted(cluster.name for cluster in servers)
