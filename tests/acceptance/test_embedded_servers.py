"""Commands that start and stop servers of their own: up, down, demo."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands import Done, process, tidemark
from tests.docs.test_readme import TOLD
from tests.fix_servers import HOME, SERVERS, Warehouse, administer, connect
from tests.queries import value
from tidemark.install.embedded import postmaster, site

SMALLER = {"= 10_000": "= 200", "= 500": "= 20", "= 200_000": "= 1_000"}


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A project folder without servers, with the areas of the checkout but a small sample."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-project-"))
    folder.chmod(0o711)  # as root, embedded servers run as a user that has to get in
    shutil.copytree(HOME / "sql", folder / "sql", ignore=shutil.ignore_patterns("__pycache__"))
    sample = folder / "sql" / "retail" / "sample" / "__init__.py"
    text = sample.read_text("utf-8")
    for large, small in SMALLER.items():
        assert text.count(large) == 1
        text = text.replace(large, small)
    sample.write_text(text, "utf-8")
    yield folder
    process("down", cwd=folder)
    shutil.rmtree(folder)


def running(project: Path) -> dict[str, int]:
    """Return layer -> pid of the servers that run in a project."""
    data = site.data_folder(project / ".tidemark")
    found = {layer: postmaster.find(data / layer) for layer in SERVERS}
    return {layer: server.pid for layer, server in found.items() if server}


def well(done: Done) -> str:
    assert (done.code, done.err) == (0, ""), done
    return done.out


def played(project: Path) -> str:
    """Play a demo. Of the events some are malformed or late, and it says so."""
    done = process("demo", cwd=project)
    assert (done.code, done.err) == (0, ""), done
    return TOLD.sub("", done.out)


# What a demo says, and what goes on from there: tests/docs/test_readme.py
@pytest.mark.further
def test_a_second_demo_goes_on_with_what_is_there(project: Path):
    first = played(project)
    assert first.startswith("Batch 9 of marketing, ")
    assert "\nBatch 7 of events, " in first
    assert "\nBatch 5 of commerce, " in first
    assert "\nBatch 3 of assets, " in first
    assert "\nBatch 1 of retail, " in first
    second = played(project)
    assert second.startswith("marketing: nothing changed (batch 19, ")
    assert "\nBatch 12 of retail, " in second


def test_servers_keep_their_addresses_and_data(project: Path):
    started = well(process("up", cwd=project))
    url = well(process("dsn", "dwh", "--password", cwd=project)).strip()
    assert (urlsplit(url).password or "") not in started
    administer(url, "create table kept (n int)")
    process("down", cwd=project)
    assert running(project) == {}

    assert well(process("up", cwd=project)) == started
    pids = running(project)
    assert well(process("up", cwd=project)) == started
    assert running(project) == pids
    assert [line.split()[0] for line in started.splitlines()] == list(SERVERS) == list(pids)
    with closing(connect(url)) as dwh:
        assert value(dwh, "select count(*) from kept") == 0
    process("down", cwd=project)
    assert well(process("down", cwd=project)) == "nothing was running\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            "demo",
            "demo: TIDEMARK_*_DSN is set, and the demo only writes into embedded servers. "
            "Unset the variables, or use seed and run.",
        ),
        ("up", "up: TIDEMARK_*_DSN is set, so the servers are yours to start."),
    ],
)
def test_servers_of_ones_own_are_left_alone(warehouse: Warehouse, command: str, error: str):
    done = tidemark(command, env=warehouse.environment)
    assert (done.code, done.out, done.err) == (2, "", f"error: {error}\n")
    assert warehouse.rows("operational", "select count(*) from sales") == [(0,)]
