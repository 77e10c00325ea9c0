#!/usr/bin/env python3
"""Run `tidemark seed` with the same arguments, or say what is missing to do so."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def missing() -> list[str]:
    """Return what of the package's and the sample's requirements this Python lacks.

    Not of those of embedded servers: with servers of one's own they are not needed.
    """
    if sys.version_info < OLDEST:
        return ["Python 3.11 or newer"]
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["demo"]]
    names = [re.split(r"[^\w-]", requirement)[0] for requirement in needed]
    return [name for name in sorted(names) if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


lacking = missing()
if lacking:
    sys.exit(
        f"seed_data.py: {sys.executable} lacks {', '.join(lacking)}. Type "
        f"`pip install '{ROOT}[demo,embedded]'` in a virtual environment, or "
        f"`{ROOT}/scripts/demo`, which makes one in .venv. Containers have all that, and "
        "`docker compose up` seeds them."
    )

sys.path.insert(0, str(ROOT))
from tidemark.cli import main  # noqa: E402

sys.argv = ["tidemark", "seed", *sys.argv[1:]]
main()
