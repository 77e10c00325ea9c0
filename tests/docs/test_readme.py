"""What README.md tells a newcomer to type works in a fresh checkout, and prints what it shows."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import tests.checkout
from tests.commands import Done, process, run
from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME, Warehouse, connect
from tests.fix_strangers import STRANGERS
from tests.queries import value
from tidemark.install.embedded import site
from tidemark.model import LAYERS, ServerName

README = (HOME / "README.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TYPED = [text for language, text in FENCED if language == "bash"]
BLOCKS = [text for text in TYPED if "docker " not in text]  # those: tests/compose
SHOWN = re.findall(r"^\| \[(\w+)\].*\| `(tidemark .*)` \|$", README, re.MULTILINE)
SAMPLES = [text for language, text in FENCED if not language]
TOLD = re.compile(r"(marketing: clicks|events: lines): (.+ refused: .+|.+ came late, behind .+)\n")
"""What a demo says of events that are malformed or late."""
TIDEMARK = f'#!/bin/sh\nPYTHONPATH="$(dirname "$0")/../.." exec {sys.executable} -m tidemark "$@"\n'


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A fresh copy of the checkout, set up already."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-checkout-"))
    tests.checkout.copy(folder)
    _set_up(folder)
    yield folder
    process("down", cwd=folder)
    shutil.rmtree(folder)


def _set_up(folder: Path) -> None:
    """Leave what scripts/_setup leaves, from this environment instead of the package index."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "tidemark").write_text(TIDEMARK, "utf-8")
    (programs / "tidemark").chmod(stat.S_IRWXU)
    sums = [
        subprocess.check_output(["cksum"], input=(folder / name).read_bytes(), timeout=PATIENCE)
        for name in ("requirements.lock", "pyproject.toml")
    ]
    stamp = f"{folder}\nrequirements.lock\n{b''.join(sums).decode()}"
    (folder / ".venv" / "stamp").write_text(stamp)


def typed(block: str, cwd: Path, setup: Path | None = None, **env: str) -> Done:
    """Run a block as a person types it: tidemark and PostgreSQL's programs are on PATH."""
    done = run(["bash", "-euc", block], _typing(setup or cwd) | env, cwd)
    assert (done.code, done.err) == (0, ""), done
    return done


def _typing(setup: Path) -> dict[str, str]:
    places = (str(setup / ".venv" / "bin"), str(site.installed()), os.environ["PATH"])
    return {"PATH": os.pathsep.join(places)}


def shape(text: str) -> list[str]:
    """Return the lines without their numbers, names and blanks: titles, heads and first words."""
    words = (re.sub(r"[\d.,]+", "N", line).split() for line in text.splitlines())
    return [" ".join(line) for line in words if line]


@pytest.fixture(scope="module")
def printed(checkout: Path) -> list[str]:
    """What the blocks that need no server print, in their order."""
    return [typed(block, checkout).out for block in BLOCKS[:2]]


def test_there_are_three_blocks_to_type() -> None:
    first = ["./scripts/demo", ".venv/bin/tidemark", "tidemark"]
    assert [block.split()[0] for block in BLOCKS] == first


def test_what_is_typed_after_the_demo_finds_its_shop(printed: list[str]) -> None:
    said = printed[1]
    assert re.search(r"^ customer_id \|.*\n[-+]+\n(?:.*\n){5}\(5 rows\)", said)
    assert re.search(r"^events +\d+\nBatch 11 of retail, ", said, re.MULTILINE)
    assert said.endswith("stopped: dwh, mrr, operational, stg\n")


def shown(area: str, key: str, *, entity: str = "customers") -> list[str]:
    """Name what a demo shows of an area."""
    return [
        *[f"Batch N of {area}, N.N s"] * 2,
        "Rows per layer (dwh: versions of a dimension, rows of a fact)",
        "Open rejects",
        f"The versions of {entity} {key}, and the facts that point at each",
    ]


def test_a_demo_ends_with_what_a_person_wants_to_see(printed: list[str]) -> None:
    said = TOLD.sub("", printed[0])
    assert {entity for entity, _ in TOLD.findall(printed[0])} == {
        "marketing: clicks",
        "events: lines",
    }
    titles = [line for line in said.splitlines() if re.match(r"\w", line)]
    assert [re.sub(r"\d+", "N", title) for title in titles] == [
        *shown("marketing", "N"),
        *shown("events", "CNE"),
        *shown("commerce", "CUSTN"),
        *shown("assets", "assets/N/N/N/N.bin", entity="asset_versions"),
        *shown("retail", "N"),
        "All of it took N s. Go on with:",
    ]
    rows = said.rpartition(titles[2])[2].partition(titles[3])[0].split("\n")[4:-2]
    cells = [row.split() for row in rows]
    assert [cell[0] for cell in cells] == ["customers", "products", "sales"]
    assert [cell[1] for cell in cells] == [cell[2] for cell in cells], "source and mirror agree"


def told_of_console(command: str, checkout: Path) -> str:
    """Return what a console says when it serves; it is ended."""
    serving = ["bash", "-euc", f"exec {command} --port 0"]
    with subprocess.Popen(
        serving, env=_typing(checkout), cwd=checkout, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.terminate()
    assert process.returncode == 0, said
    return said


def test_the_commands_that_a_demo_ends_with_work(
    printed: list[str], checkout: Path, servers: dict[ServerName, str]
) -> None:
    psql, day, look, down = printed[0].partition("Go on with:\n")[2].strip().split("\n")
    assert typed(psql, checkout).out == ""
    assert "\nBatch " in typed(day, checkout).out
    assert told_of_console(look, checkout).startswith("The console is at http://127.0.0.1:")
    assert typed(down, checkout).out == "stopped: dwh, mrr, operational, stg\n"
    with closing(connect(servers["dwh"])) as other:
        assert value(other, "select true"), "servers of other folders go on running"


@pytest.mark.parametrize("block", [0, 1])
def test_the_samples_have_the_shape_of_what_is_printed(printed: list[str], block: int) -> None:
    shown = [line for line in shape(SAMPLES[block]) if line != "…"]
    real = set(shape(printed[block]))
    names = ("N Silver",)
    assert [line for line in shown if line not in real and not line.startswith(names)] == []


def test_each_sample_shows_what_the_table_says_to_type(checkout: Path, printed: list[str]) -> None:
    assert [area for area, _ in SHOWN] == ["retail", "commerce", "marketing", "events", "assets"]
    for _, command in SHOWN:
        done = run(["bash", "-euc", command], _typing(checkout), checkout)
        assert (done.code, len(done.out.splitlines()) > 5) == (0, True), done


def test_a_database_of_ones_own_becomes_a_warehouse(
    checkout: Path, empty: Warehouse, tmp_path: Path
) -> None:
    empty.execute("operational", (STRANGERS / "films.sql").read_text("utf-8"))
    block = BLOCKS[2].replace("postgresql://reader@db.example.com/shop", empty.dsn["operational"])
    dsns = {f"TIDEMARK_{layer.upper()}_DSN": empty.dsn[layer] for layer in LAYERS}
    said = typed(block.replace("init ", "init --area shop "), tmp_path, checkout, **dsns).out
    assert "shop: 9 dimensions and 4 facts, in sql/shop/dwh/01_star.sql, sql/shop/area.yml" in said
    assert "\nBatch 1 of shop, " in said
    assert "(13 rows)" in said
