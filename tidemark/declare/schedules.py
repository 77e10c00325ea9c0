"""When an area runs, if it has a DAG of its own: a cron expression, or a preset such as @daily."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_FIELDS = {
    "minute": range(60),
    "hour": range(24),
    "day of the month": range(1, 32),
    "month": range(1, 13),
    "day of the week": range(8),
}
_NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, start=1)},
    "day of the week": {name: number for number, name in enumerate(_DAYS)},
}
_ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", re.ASCII)


def _schedule(value: str) -> str:
    if value in PRESETS:
        return value
    fields = value.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{value!r} is no schedule; write five fields as cron has them (0 3 * * *), or one of "
            f"{', '.join(PRESETS)}"
        )
    for (name, values), field in zip(_FIELDS.items(), fields, strict=True):
        for item in field.split(","):
            if not _is_part(item, values, _NAMES.get(name, {})):
                raise ValueError(
                    f"{value!r}: {item!r} is no {name}, which is {values[0]} to {values[-1]}, "
                    "a range of these, or *, each also with a step (*/6)"
                )
    return value


def _is_part(item: str, values: range, names: dict[str, int]) -> bool:
    found = _ITEM.fullmatch(item.lower())
    if found is None:
        return False
    ends = [names.get(end, end) for end in found.groups()[:2] if end is not None]
    numbers = [int(end) for end in ends if str(end).isdecimal()]
    return len(numbers) == len(ends) and numbers == sorted(numbers) and {*numbers} <= {*values}


Schedule = Annotated[str, AfterValidator(_schedule)]
"""In UTC."""
