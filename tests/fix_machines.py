"""Four servers that may crash, and come back with all that they committed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_retail import wait_until
from tests.fix_servers import SERVERS, SETTINGS, ease_logins, make_templates, memory
from tidemark.install import embedded
from tidemark.install.embedded import postmaster, site
from tidemark.model import ServerName


class Machines:
    """Four servers that may crash. The machine goes on, so all that they committed is there."""

    settings = SETTINGS | {
        "synchronous_commit": "on",
        "max_prepared_transactions": "20",
        "wal_level": "replica",
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.urls = embedded.start(folder, SERVERS, settings=self.settings)
        ease_logins(self.urls)

    def crash(self, layer: ServerName) -> None:
        """Stop a server at once, and start it again: it recovers from its log."""
        self.stop(layer, signal.SIGQUIT)
        self.start(layer)

    def stop(self, layer: ServerName, how: signal.Signals = signal.SIGINT) -> None:
        """Stop a server: SIGINT rolls back what runs, SIGQUIT leaves everything as it lies."""
        server = postmaster.find(self.cluster(layer))
        assert server
        os.kill(server.pid, how)
        wait_until(lambda: postmaster.find(self.cluster(layer)) is None)

    def start(self, layer: ServerName) -> None:
        """Start a server that was stopped, where it was."""
        started = embedded.start(self.folder, [layer], settings=self.settings)
        assert started == {layer: self.urls[layer]}

    def cluster(self, layer: ServerName) -> Path:
        """Return a server's data folder."""
        return site.data_folder(self.folder) / layer


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Four servers, each with a migrated TEMPLATE."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-faults-", dir=memory()))
    folder.chmod(0o711)  # as root, the servers run as a user that has to get in
    try:
        made = Machines(folder)
        make_templates(made.urls)
        yield made
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)
