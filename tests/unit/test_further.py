"""Further members of a kind are left out and counted, unless all are asked for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import run
from tests.fix_servers import HOME

SUITE = """
import pytest

@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("n", range(7))
def test_number(n): pass

@pytest.mark.further(but=["b"])
@pytest.mark.parametrize("n", ["a", "b", "c"])
def test_letter(n): pass

@pytest.mark.further
def test_whole(): pass

def test_usual(): pass
"""
FIRST = {"number[0]", "number[3]", "number[6]", "letter[b]", "usual"}
PLUGINS = ["-p", "xdist.plugin", "-p", "tests.further"]
LEFT_OUT = "7 further tests were left out: `scripts/test --all` runs them"

Typed = Callable[..., tuple[set[str], bool]]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Run `scripts/test` on a suite of its own; return what ran, and whether 7 were left out."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)

    def run_suite(*words: str, test: str = "") -> tuple[set[str], bool]:
        own = ["-c", str(tmp_path / "pytest.ini"), *PLUGINS, "-v", f"{suite}{test}"]
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = run([str(HOME / "scripts" / "test"), *own, *words], alone)
        assert done.code == 0, done
        return set(re.findall(r"test_suite\.py::test_(\S+) PASSED", done.out)) | set(
            re.findall(r"PASSED .*test_suite\.py::test_(\S+)", done.out)
        ), LEFT_OUT in done.out

    return run_suite


@pytest.mark.parametrize("processes", ["0", "2"])
def test_further_members_are_left_out_and_counted(typed: Typed, processes: str):
    assert typed("-n", processes) == (FIRST, True)


def test_all_are_run_if_all_are_asked_for(typed: Typed):
    ran, left_out = typed("-n", "0", "--all")
    assert (len(ran), left_out) == (12, False)


def test_what_is_named_is_run(typed: Typed):
    assert typed("-n", "0", test="::test_whole") == ({"whole"}, False)


def test_what_is_selected_has_a_first_member(typed: Typed):
    assert typed("-n", "0", "-k", "letter or 1 or 2") == ({"number[1]", "letter[b]"}, False)
