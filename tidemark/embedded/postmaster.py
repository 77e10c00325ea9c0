"""Live servers, as the postmaster.pid of their clusters describes them."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tidemark.errors import EmbeddedError

TIMEOUT = 300
"""Seconds for a server to start or stop: recovery after a crash may replay max_wal_size."""


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
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    # A negative pid is a single-user session's.
    if pid <= 0 or not _is_alive(pid) or not _is_server_of(pid, cluster):
        return None
    port = int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else 0
    return Postmaster(pid, port, ready=lines[-1].strip() == "ready")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, under another user
    return True


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether process `pid` serves this cluster: after a reboot a pid may be anyone's.

    An unreaped process has an empty command line.
    """
    if Path("/proc/self/cmdline").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    else:  # macOS
        listing = ("ps", "-ww", "-o", "command=", "-p", str(pid))
        command = subprocess.run(listing, capture_output=True, check=False).stdout
    return os.fsencode(cluster.resolve()) in command


def await_ready(cluster: Path) -> bool:
    """Wait while a server starts or stops; return whether one is ready in the end."""
    deadline = time.monotonic() + TIMEOUT
    while (server := find(cluster)) and not server.ready:
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{cluster}: its server (pid {server.pid}) is still not ready.")
        time.sleep(0.02)
    return server is not None


def drop_stale_pid_file(cluster: Path) -> None:
    """Remove a pid file that names no live server of this cluster.

    PostgreSQL would take any process of that pid for one. Should a killed server's children still
    live, PostgreSQL finds them by their shared memory, not by this file.
    """
    if not find(cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def stop_all(data: Path) -> list[str]:
    """Stop what runs below `data`, all at once; return the names of the clusters that ran."""
    found = {file.parent: find(file.parent) for file in data.glob("*/postmaster.pid")}
    servers = {cluster: server for cluster, server in found.items() if server}
    for server in servers.values():
        os.kill(server.pid, signal.SIGINT)  # fast shutdown: roll back, then a checkpoint
    deadline = time.monotonic() + TIMEOUT
    for cluster, server in servers.items():
        while find(cluster):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{cluster}: its server (pid {server.pid}) did not stop.")
            time.sleep(0.02)
    return sorted(cluster.name for cluster in servers)
