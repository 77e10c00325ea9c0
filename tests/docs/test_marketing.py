"""What docs/marketing.md says is so: its commands, its inventory, its answers, its faulty file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Done, run
from tests.docs.test_pages import section, table
from tests.typed import Typist, at_area
from tidemark.model import ServerName

TYPED = [
    row[1].strip("`")
    for row in table(section("marketing.md", "What was typed, and what is typed here"))
]
INVENTORY = [
    row for row in table(section("marketing.md", "Inventory")) if row[0] in ("MRR", "STG", "DWH")
]
QUESTIONS = [row[1].strip("`") for row in table(section("marketing.md", "Questions"))]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", section("marketing.md", "A faulty file"), re.DOTALL)


@pytest.fixture(scope="module")
def site(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typist]:
    """The area after all commands of the first table."""
    with at_area(platforms, tmp_path_factory.mktemp("marketing"), "marketing") as made:
        keys = {"marketing.dim_customer": "customer_key"}
        verified = "tidemark verify marketing"
        made.type_all(TYPED, verified=verified, inventory=INVENTORY, surrogates=keys)
        yield made


def script(site: Typist, text: str) -> Done:
    """Run lines of a shell in the project."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return run(["bash", "-ec", text], {**site.environment, "PATH": path}, cwd=site.home)


def test_each_command_does_what_was_done_before(site: Typist):
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


def test_the_inventory_is_that_of_the_page(site: Typist):
    shown = {row[1].strip("`"): int(row[2].replace(",", "")) for row in INVENTORY}
    assert site.counted == shown


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(site: Typist, question: str):
    assert site.dwh(question) != []


def test_the_log_has_four_steps_a_batch(site: Typist):
    steps = ["load_csv", "load_json", "load_dim_customer", "load_fact_click_events"]
    log = site.dwh("select step_name, log_level from marketing.ingestion_logs order by log_id")
    assert log == [(step, "INFO") for step in steps] * 3


def test_a_faulty_file_is_told_held_back_and_mended_as_on_the_page(site: Typist):
    (_, spoil), (_, error), (_, look), (_, shown), (_, mend) = BLOCKS
    before = site.dwh("select count(*), max(event_time) from marketing.fact_click_events")
    failed = script(site, spoil)
    assert failed.code == 8
    assert failed.err.splitlines() == (error.splitlines())
    assert site.dwh("select count(*), max(event_time) from marketing.fact_click_events") == before
    looked = script(site, look)
    assert (looked.code, looked.err) == (0, "")
    assert looked.out.startswith(shown.rstrip().removesuffix("…"))
    mended = script(site, mend)
    assert (mended.code, mended.err) == (0, "")
    assert mended.out.endswith("equal\n")
    assert site.dwh("select count(*), max(event_time) from marketing.fact_click_events") > before
