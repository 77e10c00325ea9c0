"""Embedded servers that end too early: what the error says, and what the next command does."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.test_embedded import ONE, ask, start_one
from tidemark.errors import EmbeddedError
from tidemark.install import embedded
from tidemark.install.embedded import site

# A pg_ctl after which the server is gone, as often as `deaths` has lines.
DEADLY = """#!/bin/sh
"{real}/pg_ctl" "$@" || exit
read -r pid <"{cluster}/postmaster.pid"
[ -s "{deaths}" ] || exit 0
sed -i 1d "{deaths}"
kill -9 "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which one cluster was made, and is stopped."""
    made = Path(tempfile.mkdtemp(prefix="tidemark-dying-"))
    made.chmod(0o711)
    start_one(made)
    embedded.stop(made)
    yield made
    embedded.stop(made)
    shutil.rmtree(made)


def let_die(folder: Path, times: int, patch: pytest.MonkeyPatch) -> None:
    """Let the next starts of the server end with its death."""
    real, cluster = site.find(folder).programs, folder / "data" / "dwh"
    programs, deaths = folder / "programs", folder / "deaths" / "left"
    for made in (programs, deaths.parent):
        made.mkdir(mode=0o755)
    deaths.write_text("once\n" * times)
    for name in ("postgres", "initdb"):
        (programs / name).symlink_to(real / name)
    script = DEADLY.format(real=real, cluster=cluster, deaths=deaths)
    (programs / "pg_ctl").write_text(script)
    (programs / "pg_ctl").chmod(0o755)
    owner = cluster.stat()
    for path in (deaths.parent, deaths):
        os.chown(path, owner.st_uid, owner.st_gid)
    patch.setattr(site, "installed", lambda: programs)


def test_a_server_that_dies_right_after_its_start_is_started_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    let_die(folder, 1, monkeypatch)
    assert ask(start_one(folder), "select 1") == [(1,)]


def test_a_server_that_dies_each_time_is_named_with_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    let_die(folder, 2, monkeypatch)
    with pytest.raises(EmbeddedError) as error:
        start_one(folder)
    first, *log, todo = str(error.value).splitlines()
    assert first == f"dwh server: it did not start. {folder}/data/dwh.log ends:"
    assert log[-1].endswith("database system is ready to accept connections")
    assert todo == "Mend what it says, and run the command again."
    assert embedded.running(folder, ONE) is None
    assert ask(start_one(folder), "select 1") == [(1,)]
