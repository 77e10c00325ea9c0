"""Which four servers a project uses: those of the environment, or embedded ones."""

from __future__ import annotations

import os
from pathlib import Path

from tidemark import config, db, embedded
from tidemark.config import Project


def embedded_folder(project: Project) -> Path:
    """The folder of the project's embedded servers."""
    return project.home / ".tidemark"


def resolve(project: Project) -> db.Servers:
    """Return the project's servers; embedded ones are started when they do not run.

    Raises:
        ConfigError: some DSNs are set and some are not.
        EmbeddedError: an embedded server can't be started.
    """
    dsns = config.configured_dsns(project.home, os.environ)
    if dsns is None:
        folder = embedded_folder(project)
        dsns = embedded.running(folder) or embedded.start(folder)
    return db.Servers(dsns)


def is_embedded(project: Project) -> bool:
    """Whether the project's servers are embedded ones."""
    return config.configured_dsns(project.home, os.environ) is None
