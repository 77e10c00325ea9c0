"""A run whose servers crash under it may fail; what it leaves behind is made up for by the next."""

import pytest

from tests.fix_faults import Trial
from tests.fix_machines import Machines
from tidemark.model import HOPS

pytestmark = pytest.mark.timeout(1800)


def test_a_run_is_made_up_for_whichever_server_crashes_before_any_of_its_statements(
    trial: Trial, machines: Machines
):
    for hop in HOPS:
        for number in trial.faults(hop, rarer=3):  # Each takes a second.
            trial.crash(hop, number, machines)
            trial.recover()
