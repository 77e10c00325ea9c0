"""Which four servers a project uses: those of the environment, or embedded ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark import db, embedded, settings
from tidemark.errors import ConfigError, ConnectError
from tidemark.model import LAYERS, Layer
from tidemark.project import Project

if TYPE_CHECKING:
    import sqlalchemy


def embedded_folder(project: Project) -> Path:
    """The folder of the project's embedded servers."""
    return project.home / ".tidemark"


def resolve(project: Project) -> db.Servers:
    """Return the project's servers; embedded ones are started when they do not run.

    Raises:
        ConfigError: some DSNs are set and some are not.
        EmbeddedError: an embedded server can't be started.
    """
    dsns = configured_dsns(project.home, os.environ)
    if dsns is None:
        folder = embedded_folder(project)
        dsns = embedded.running(folder) or embedded.start(folder)
    return db.Servers(dsns)


@contextmanager
def explaining(project: Project) -> Iterator[None]:
    """Where a connection of the block breaks since an embedded server has ended, say that instead.

    Raises:
        EmbeddedError: such a server, and the end of its log.
    """
    try:
        yield
    except ConnectError:
        if is_embedded(project):
            embedded.check(embedded_folder(project))
        raise


def is_embedded(project: Project) -> bool:
    """Whether the project's servers are embedded ones."""
    return configured_dsns(project.home, os.environ) is None


def engine(
    dsn: str, layer: Layer, *, values: Mapping[str, str] = settings.VALUES
) -> sqlalchemy.Engine:
    """Make an SQLAlchemy engine on a layer, pooled and pre-pinged: for applications, notebooks.

    Each connection sets `values` first.
    """
    import sqlalchemy

    def creator() -> Any:
        return db.pinned(dsn, layer, f"tidemark engine {layer}", values)

    return sqlalchemy.create_engine("postgresql+psycopg2://", creator=creator, pool_pre_ping=True)


def configured_dsns(home: Path, environ: Mapping[str, str]) -> dict[Layer, str] | None:
    """Read the four DSNs from the environment and `.env` (the environment wins).

    Returns None when none is set: the servers are embedded then.

    Raises:
        ConfigError: some are set and some are not.
    """
    values = {**_read_env_file(home / ".env"), **environ}
    variables = {layer: f"TIDEMARK_{layer.upper()}_DSN" for layer in LAYERS}
    found = {layer: values[v] for layer, v in variables.items() if values.get(v)}
    missing = [variable for layer, variable in variables.items() if layer not in found]
    if not found:
        return None
    if missing:
        raise ConfigError(
            f"environment: {', '.join(missing)} not set, but "
            f"{', '.join(variables[layer] for layer in found)} is. "
            "Set all four, or none to use embedded servers."
        )
    return found


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    from dotenv import dotenv_values

    return {key: value for key, value in dotenv_values(path).items() if value}
