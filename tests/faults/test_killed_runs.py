"""A run that is killed with SIGKILL between any two statements is made up for by the next."""

import pytest

from tests.fix_faults import Trial
from tidemark.model import HOPS

pytestmark = pytest.mark.timeout(1800)


def test_a_run_killed_before_any_of_its_statements_is_made_up_for(trial: Trial):
    for hop in HOPS:
        for number in trial.faults(hop):
            trial.kill(hop, number)
            trial.recover()
