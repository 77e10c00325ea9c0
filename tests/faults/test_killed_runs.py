"""A run that is killed with SIGKILL between any two statements is made up for by the next."""

import os

import pytest

from tests.fix_faults import Trial
from tidemark.model import HOPS

pytestmark = pytest.mark.timeout(1800)

EVERY = int(os.environ.get("TIDEMARK_KILL_EVERY", "2"))
"""One statement in so many sees a kill. 1: every statement."""


def test_a_run_killed_before_any_of_its_statements_is_made_up_for(trial: Trial):
    for hop in HOPS:
        for number in trial.faults(hop):
            if number % EVERY == 1 % EVERY:
                trial.kill(hop, number)
                trial.recover()
