"""A Python that has some packages of this environment, and no others."""

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.commands import Done, run
from tests.fix_servers import HOME


def needed(*extras: str) -> set[str]:
    """Name the packages that `pip install tidemark[…]` installs beside Tidemark itself."""
    found, todo = set[str](), [Requirement(f"tidemark[{','.join(extras)}]")]
    while todo:
        asked = todo.pop()
        for each in _requirements(asked):
            if each.name not in found or each.extras:
                found.add(each.name)
                todo.append(each)
    return found


def _requirements(asked: Requirement) -> Iterator[Requirement]:
    for text in distribution(asked.name).requires or ():
        each = Requirement(text)
        if not each.marker or any(each.marker.evaluate({"extra": e}) for e in (*asked.extras, "")):
            yield each


def link(folder: Path, names: set[str]) -> None:
    """Let a folder hold these packages."""
    for name in names:
        for file in distribution(name).files or ():
            top = folder / file.parts[0]
            if not top.exists() and ".." not in file.parts:
                top.symlink_to(str(distribution(name).locate_file(file.parts[0])))


def python(folder: Path, *words: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """Run a Python that has what a folder holds, and the package of this checkout."""
    path = {"PYTHONPATH": os.pathsep.join([str(folder), str(HOME)])}
    return run([sys.executable, "-S", "-s", *words], {**(env or {}), **path})
