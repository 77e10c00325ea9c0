"""Kill batches of files between any two statements: nothing is left of them, or all."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

from tests.fix_faults import RECEIVERS, killed, stored, struck
from tests.fix_files import Dropped
from tidemark.model import Hop

REFUSED = "select entity, item, line, reasons from tidemark.refused order by 1, 2, 3"


def kill(area: Dropped, hop: Hop, first: int = 1, rarer: int = 1) -> None:
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


def _state(area: Dropped, hop: Hop) -> list[Any]:
    """Return what the receiver of a hop has of the area."""
    held: list[Any] = stored(area.warehouse, RECEIVERS[hop], area.area.schema_name, "public")
    return held + (area.files() + area.warehouse.rows("mrr", REFUSED) if hop == "extract" else [])
