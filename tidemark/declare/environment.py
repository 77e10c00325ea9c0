"""The variables that set up Tidemark: those of the environment, and of `.env` beside `sql/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def values(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Read the variables of a project. The environment wins, also with an empty value."""
    return {**_of_file(home / ".env"), **environ}


def refuses_demo(home: Path, environ: Mapping[str, str]) -> bool:
    """Whether secrets of the demo are refused, as docker/guard refuses them: see TIDEMARK_ENV."""
    return values(home, environ).get("TIDEMARK_ENV", "") not in ("", "demo")


def _of_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    from dotenv import dotenv_values

    return {key: value for key, value in dotenv_values(path).items() if value}
