"""Kill batches of files or events between any two statements: nothing is left, or all."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

from tests.fix_areas import Made
from tests.fix_faults import RECEIVERS, killed, stored, struck
from tidemark.model import Hop

TAKEN = (
    "select entity, item, line, reasons from tidemark.refused order by 1, 2, 3",
    "select path, status, rows, refused from tidemark.file order by path",
    "select event_id, batch_id is null from tidemark.inbox order by 1",
)
"""What MRR knows of files and events, beside its mirrors."""


def kill(area: Made, hop: Hop, first: int = 1, rarer: int = 1) -> None:
    """Kill a hop before each statement of `struck`, one kill upon the other, and end it."""
    area.servers.close()
    before, left = _state(area, hop), []
    for number in struck(first, rarer):
        code = killed(hop, number, area.warehouse.dsn, area.area, datetime.now(UTC))
        if code != -signal.SIGKILL:
            assert code == 0
            break
        left.append(_state(area, hop))
    after = _state(area, hop)
    assert number > 30
    assert before != after
    assert left == [before] * left.count(before) + [after] * left.count(after)


def _state(area: Made, hop: Hop) -> list[Any]:
    """Return what the receiver of a hop has of the area."""
    held: list[Any] = stored(area.warehouse, RECEIVERS[hop], area.area.schema_name, "public")
    if hop == "extract":
        held += [row for query in TAKEN for row in area.warehouse.rows("mrr", query)]
    return held
