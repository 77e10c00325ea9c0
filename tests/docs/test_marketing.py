"""What docs/marketing.md says is so: its commands, its inventory, its answers, its faulty file."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, process, run, tidemark
from tests.docs.test_pages import section, table
from tests.fix_servers import HOME, Warehouse, new_databases
from tidemark.model import LAYERS, ServerName

TYPED = [
    row[1].strip("`")
    for row in table(section("marketing.md", "What was typed, and what is typed here"))
]
INVENTORY = [
    row for row in table(section("marketing.md", "Inventory")) if row[0] in ("MRR", "STG", "DWH")
]
QUESTIONS = [row[1].strip("`") for row in table(section("marketing.md", "Questions"))]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", section("marketing.md", "A faulty file"), re.DOTALL)


@dataclass
class Site:
    warehouse: Warehouse
    home: Path
    said: list[Done]
    counted: dict[str, int]
    """The inventory after the first load."""

    @property
    def environment(self) -> dict[str, str]:
        return {**self.warehouse.environment, "TIDEMARK_HOME": str(self.home)}

    def type(self, command: str) -> Done:
        _, *words = shlex.split(command)
        # psql takes the place of its process.
        call = process if words[0] == "psql" else tidemark
        return call(*words, env=self.environment)

    def script(self, text: str) -> Done:
        """Run lines of a shell in the project."""
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        return run(["bash", "-ec", text], {**self.environment, "PATH": path}, cwd=self.home)

    def dwh(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("dwh", query)

    def count(self) -> dict[str, int]:
        return {
            name: self.warehouse.rows(layer.lower(), _counting(name))[0][0]
            for layer, name, *_ in ([cell.strip("`") for cell in row] for row in INVENTORY)
        }


def _counting(name: str) -> str:
    rows = "customer_key <> 0" if name == "marketing.dim_customer" else "true"
    return f"select count(*) from {name} where {rows}"


@pytest.fixture(scope="module")
def site(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The area after all commands of the first table."""
    home = tmp_path_factory.mktemp("marketing")
    (home / "sql").mkdir()
    (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
    shutil.copytree(HOME / "sql" / "marketing", home / "sql" / "marketing")
    layers: dict[ServerName, str] = {layer: platforms[layer] for layer in LAYERS}
    with new_databases(layers, "marketing") as databases:
        made = Site(Warehouse(databases), home, [], {})
        for command in TYPED:
            made.said.append(made.type(command))
            if command == "tidemark verify marketing":
                made.counted |= made.count()
        yield made
        made.warehouse.close()


def test_each_command_does_what_was_done_before(site: Site):
    told = dict(zip(TYPED, site.said, strict=True))
    assert [done.code for done in site.said] == [0] * len(TYPED), told
    warned = [line for done in site.said for line in done.err.splitlines()]
    assert warned == []
    assert re.search(r"extract +clicks +1,818 +1,772 ", told[TYPED[2]].out)
    assert told["tidemark check marketing"].out.count("PASSED") >= 8
    *_, first, again = (
        done.out
        for command, done in zip(TYPED, site.said, strict=True)
        if command == "tidemark run marketing"
    )
    assert re.search(r"extract +customers +326 +4 ", first)
    assert "marketing: nothing changed" in again
    assert "the last batch is good" in told["tidemark monitor marketing"].out


def test_the_inventory_is_that_of_the_page(site: Site):
    shown = {row[1].strip("`"): int(row[2].replace(",", "")) for row in INVENTORY}
    assert site.counted == shown


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(site: Site, question: str):
    assert site.dwh(question) != []


def test_the_log_has_four_steps_a_batch(site: Site):
    steps = ["load_csv", "load_json", "load_dim_customer", "load_fact_click_events"]
    log = site.dwh("select step_name, log_level from marketing.ingestion_logs order by log_id")
    assert log == [(step, "INFO") for step in steps] * 3


def test_a_faulty_file_is_told_held_back_and_mended_as_on_the_page(site: Site):
    (_, spoil), (_, error), (_, look), (_, shown), (_, mend) = BLOCKS
    before = site.dwh("select count(*), max(event_time) from marketing.fact_click_events")
    failed = site.script(spoil)
    assert failed.code == 8
    assert failed.err.splitlines() == (error.splitlines())
    assert site.dwh("select count(*), max(event_time) from marketing.fact_click_events") == before
    looked = site.script(look)
    assert (looked.code, looked.err) == (0, "")
    assert looked.out.startswith(shown.rstrip().removesuffix("…"))
    mended = site.script(mend)
    assert (mended.code, mended.err) == (0, "")
    assert mended.out.endswith("equal\n")
    assert site.dwh("select count(*), max(event_time) from marketing.fact_click_events") > before
