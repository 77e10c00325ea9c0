"""When an area runs by itself."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tidemark.declare.schedules import Schedule

SCHEDULE = TypeAdapter(Schedule)


@pytest.mark.parametrize(
    "given",
    [
        "@daily",
        "@hourly",
        "0 3 * * *",
        "*/15 * * * *",
        "0,30 8-18/2 1-31 jan-dec mon-fri",
        "0 0 29 2 0,7",
        "5  4 * JUN SUN",
    ],
)
def test_a_cron_expression_or_a_preset_is_a_schedule(given: str):
    assert SCHEDULE.validate_python(given) == given


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("daily", "no schedule; write five fields"),
        ("@dayly", "or one of @hourly, @daily"),
        ("0 3 * *", "no schedule"),
        ("0 0 3 * * *", "no schedule"),
        ("60 3 * * *", "'60' is no minute, which is 0 to 59"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 3 0 * *", "'0' is no day of the month, which is 1 to 31"),
        ("0 3 * 13 *", "'13' is no month"),
        ("0 3 * * monday", "'monday' is no day of the week"),
        ("0 18-8 * * *", "'18-8' is no hour"),
        ("0 */0 * * *", "'*/0' is no hour"),
        ("0 3, * * *", "'' is no hour"),
        ("\u0663 3 * * *", "no minute"),
    ],
)
def test_what_is_none_is_refused_with_what_would_be_one(given: str, complaint: str):
    with pytest.raises(ValidationError) as refused:
        SCHEDULE.validate_python(given)
    assert complaint in str(refused.value)
