"""Benchmarks go on running, at their smallest."""

import re
import sys

import pytest

from tests.commands import run

RATIO = re.compile(r"^\| (.+ ÷ .+) \| [0-9.]+ \| [0-9.]+ \| . [0-9.]+ \|$", re.MULTILINE)


@pytest.mark.further  # tests/pipeline/test_events_laws.py has another specification of the marts.
def test_the_marts_of_events_are_those_that_a_person_would_fill():
    """Otherwise the command fails."""
    done = run([sys.executable, "-m", "benchmarks.shop", "--events", "1", "--without-peer"])
    assert done.code == 0, done.err
    assert RATIO.findall(done.out) == ["first load ÷ by hand", "a day ÷ first load"]
