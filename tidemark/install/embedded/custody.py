"""Folders that root keeps, and the servers' user can enter but not change.

What is below one belongs to root or is a cluster, which belongs to the servers' user. So no name in
it leads anywhere else, and root never works inside of what another user owns.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tidemark.errors import EmbeddedError
from tidemark.install.embedded.user import User, run

_ENTERED = 0o711


def weak_point(folder: Path) -> Path | None:
    """Return the first part of a path that others than root can change: the rule of OpenSSH.

    In a folder with the sticky bit, such as /tmp, others can't change what is root's.
    """
    named, real = folder.absolute(), folder.resolve()
    for path in (*reversed(named.parents), named, *reversed(real.parents), real):
        if path.exists() and not _is_roots(path.stat()):
            return path
    return None


def _is_roots(found: os.stat_result) -> bool:
    is_shared = bool(found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid != 0))
    return found.st_uid == 0 and (not is_shared or bool(found.st_mode & stat.S_ISVTX))


def is_kept(folder: Path) -> bool:
    """Whether a folder is this process's user's, and so is what it names."""
    return folder.is_dir() and folder.stat().st_uid == os.geteuid()


def make(folder: Path) -> None:
    """Make a folder, unless it is there: of root's, for the servers' user to enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    _take(folder)
    if weak := weak_point(folder):
        raise EmbeddedError(f"{folder}: others than root can change {weak}. Make it root's alone.")


def _take(folder: Path) -> None:
    """Take a folder over; an earlier Tidemark gave it to the servers' user, with all that is in it.

    Told by its descriptor, since its owner could exchange it until then.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(opened, 0, 0)
        os.fchmod(opened, _ENTERED)
        if not os.path.samestat(os.fstat(opened), folder.lstat()):
            raise EmbeddedError(f"{folder}: it was exchanged just now. Remove it, and start again.")
    finally:
        os.close(opened)


def make_private(folder: Path, user: User) -> None:
    """Make a folder of the servers' user's."""
    folder.mkdir(mode=0o700)
    if user.uid is not None and user.gid is not None:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)


def discard(path: Path) -> None:
    """Remove a file or folder, if it exists. Another user's folder is emptied as that user."""
    if not os.path.lexists(path):
        return
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        path.unlink()
        return
    if found.st_uid == os.geteuid():
        for child in path.iterdir():
            discard(child)
    else:
        run(User(found.st_uid, found.st_gid), "find", path, "-mindepth", "1", "-delete")
    path.rmdir()


def share(folder: Path) -> None:
    """Let all read a folder of root's, and run what is in it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
