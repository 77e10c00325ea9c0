"""How it is said what a check has found."""

from decimal import Decimal

import pytest

from tidemark.declare.check import Check, Placed
from tidemark.declare.check_kinds import NotNull, Reconcile, Sides
from tidemark.layers import verdicts
from tidemark.layers.checks import Measured
from tidemark.layers.verdicts import Found

LACKS = NotNull(not_null=("region",))
DIFFERS = Reconcile(name="sums", reconcile=Sides(left="select 1", right="select 1"))


@pytest.mark.parametrize(
    ("check", "number", "said"),
    [
        (LACKS, 0, "things: 0 rows without region; at most 0"),
        (LACKS, 1, "things: 1 row without region; at most 0"),
        (LACKS, 1200, "things: 1,200 rows without region; at most 0"),
        (DIFFERS, 0, "things: 0 numbers differ; equal within 0"),
    ],
)
def test_a_number_is_said_as_a_person_says_it(check: Check, number: int, said: str):
    measured = Measured(Placed("n", "things", "dwh", check), None, {})
    assert verdicts.result(Found(measured, Decimal(number)), seconds=0).message == said
