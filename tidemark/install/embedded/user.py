"""The user of embedded servers, and programs that run as that user.

PostgreSQL refuses to run as root, and it needs a user with a name. So for root the servers run as
the user `tidemark` or `postgres` if there is one, else as `nobody`, which other daemons may use
too. All work in a folder of that user is done by a process of that user. Root would follow symbolic
links that the user, or an attacker who has become the user, has put there.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tidemark.errors import EmbeddedError

TIMEOUT = 300
"""Seconds for a server to start or stop: recovery after a crash may replay max_wal_size."""

_NAMES = ("tidemark", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class User:
    """The servers' user; without numbers: the user of this process."""

    uid: int | None = None
    gid: int | None = None


ME = User()


def find(clusters: Iterable[Path]) -> User:
    """Return the user that owns these clusters; for root without clusters, the user to choose."""
    if os.geteuid() != 0:
        return ME
    owners = {_owner(cluster) for cluster in clusters}
    if len(owners) > 1:
        names = ", ".join(sorted(name(owner.uid or 0) for owner in owners))
        raise EmbeddedError(f"embedded servers: their clusters belong to several users: {names}.")
    return owners.pop() if owners else _chosen()


def _owner(cluster: Path) -> User:
    found = cluster.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022 or found.st_uid == 0:
        raise EmbeddedError(
            f"{cluster}: it is no folder that the servers' user alone can change, so it is no "
            "cluster that root would start. Remove it, and `tidemark up` makes a new one."
        )
    return User(found.st_uid, found.st_gid)


def _chosen() -> User:
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid != 0}
    for known in _NAMES:
        if account := accounts.get(known):
            return User(account.pw_uid, account.pw_gid)
    raise EmbeddedError(
        f"embedded servers: PostgreSQL does not run as root, and there is no user "
        f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}. Make one: `useradd --system tidemark`."
    )


def name(uid: int) -> str:
    """Name a user, for a message."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)


def run(
    user: User, *command: str | Path, text: str = "", output: IO[bytes] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a program as the servers' user with `text` as its input."""
    account: dict[str, Any] = {}
    if user.uid is not None:
        # Without root's terminal: a process that can write to it could type commands there.
        account = {"user": user.uid, "group": user.gid, "extra_groups": []}
        account["start_new_session"] = True
    try:
        return subprocess.run(
            command,
            input=text,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            umask=0o077,
            # PGDATA, PGOPTIONS and the like are the user's, for the user's servers.
            env={"PATH": os.defpath, "LC_ALL": "C"},
            timeout=2 * TIMEOUT,
            **account,
        )
    except subprocess.TimeoutExpired as error:
        program = Path(command[0]).name
        raise EmbeddedError(
            f"embedded servers: {program} did not end within {2 * TIMEOUT} s."
        ) from error


def must_run(user: User, *command: str | Path, text: str = "") -> None:
    """Run a program; EmbeddedError with the end of what it said if it fails."""
    result = run(user, *command, text=text)
    # A server in single-user mode reports a failed statement and still exits with 0.
    if result.returncode or "ERROR:" in result.stderr:
        ends = "\n".join((result.stderr or result.stdout).splitlines()[-10:])
        raise EmbeddedError(f"embedded servers: {Path(command[0]).name} failed. It said:\n{ends}")


def can(user: User, *command: str | Path) -> bool:
    """Whether a program can be run, and ends well."""
    try:
        return run(user, *command).returncode == 0
    except PermissionError:
        return False
