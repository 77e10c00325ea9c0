"""Commands that start and stop servers of their own: up, down, demo."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands import Done, process, run, tidemark
from tests.fix_servers import HOME, SERVERS, Warehouse, connect
from tests.queries import value
from tidemark.install.embedded import postmaster, site
from tidemark.model import ServerName

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


@pytest.fixture(scope="module")
def first(project: Path) -> str:
    """What the first demo says; its servers go on running."""
    return played(project)


def played(project: Path) -> str:
    """Play a demo. Of the events some are malformed or late, and it says so."""
    done = process("demo", cwd=project)
    assert (done.code, done.err) == (0, ""), done
    told = r"(marketing: clicks|events: lines): (.+ refused: .+|.+ came late, behind .+)\n"
    assert {entity for entity, _ in re.findall(told, done.out)} == {
        "marketing: clicks",
        "events: lines",
    }
    return re.sub(told, "", done.out)


def shown(area: str, key: str, *, entity: str = "customers") -> list[str]:
    """Name what a demo shows of an area."""
    return [
        *[f"Batch N of {area}, N.N s"] * 2,
        "Rows per layer (dwh: versions of a dimension, rows of a fact)",
        "Open rejects",
        f"The versions of {entity} {key}, and the facts that point at each",
    ]


def test_a_demo_ends_with_what_a_person_wants_to_see(first: str):
    lines = first.split("\n")
    titles = [line for line in lines if re.match(r"\w", line)]
    assert [re.sub(r"\d+", "N", title) for title in titles] == [
        *shown("marketing", "N"),
        *shown("events", "CNE"),
        *shown("commerce", "CUSTN"),
        *shown("assets", "assets/N/N/N/N.bin", entity="asset_versions"),
        *shown("retail", "N"),
        "All of it took N s. Go on with:",
    ]
    rows = first.rpartition(titles[2])[2].partition(titles[3])[0].split("\n")[4:-2]
    cells = [row.split() for row in rows]
    assert [cell[0] for cell in cells] == ["customers", "products", "sales"]
    assert [cell[1] for cell in cells] == [cell[2] for cell in cells], "source and mirror agree"


@pytest.mark.further
def test_a_second_demo_goes_on_with_what_is_there(first: str, project: Path):
    assert first.startswith("Batch 9 of marketing, ")
    assert "\nBatch 7 of events, " in first
    assert "\nBatch 5 of commerce, " in first
    assert "\nBatch 3 of assets, " in first
    assert "\nBatch 1 of retail, " in first
    second = played(project)
    assert second.startswith("marketing: nothing changed (batch 19, ")
    assert "\nBatch 12 of retail, " in second


def test_the_commands_that_a_demo_ends_with_work(
    first: str, project: Path, servers: dict[ServerName, str]
):
    psql, day, down = first.partition("Go on with:\n")[2].strip().split("\n")
    assert well(run(["bash", "-c", psql], cwd=project)) == ""
    assert "\nBatch " in well(run(["bash", "-c", day], cwd=project))
    assert well(run(["bash", "-c", down], cwd=project)) == "stopped: dwh, mrr, operational, stg\n"
    assert running(project) == {}
    with closing(connect(servers["dwh"])) as other:
        assert value(other, "select true"), "servers of other folders go on running"


def test_servers_keep_their_addresses_and_data(first: str, project: Path):
    process("down", cwd=project)
    started = well(process("up", cwd=project))
    pids = running(project)
    assert well(process("up", cwd=project)) == started
    assert running(project) == pids
    assert [line.split()[0] for line in started.splitlines()] == list(SERVERS) == list(pids)
    url = well(process("dsn", "dwh", "--password", cwd=project)).strip()
    assert (urlsplit(url).password or "") not in started
    with closing(connect(url)) as dwh:
        assert value(dwh, "select count(*) > 900 from dwh_fact_sales")
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
