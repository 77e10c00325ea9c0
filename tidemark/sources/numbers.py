"""Windows of numbers that each write draws from a sequence.

A number is drawn when a row is written, and visible when its transaction commits. A look reads the
sequence, and notes the instant. A transaction that begins later draws greater numbers. So when all
that began before this instant have ended, the numbers up to that one are visible as they will ever
be: the instant is a safe upper bound (see `window`), and stands for the number.

Numbers that a session keeps in a cache of its own break this, so the sequence may have none.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, WindowError
from tidemark.model import BEGINNING_OF_TIME, Window
from tidemark.postgres import compose, db, watermarks
from tidemark.postgres.db import Session
from tidemark.postgres.watermarks import NOTHING, Drawn

_KEPT = 50
"""So many instants are kept while an old transaction holds a window back."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a sequence says of itself."""

    schema: str
    name: str
    is_there: bool
    is_readable: bool
    cache: int
    increment: int
    cycles: bool
    last: int | None
    """The number that was drawn last."""
    at: datetime
    """The source's clock behind that."""


def read(session: Session, area: Area) -> dict[str, Read]:
    """Read the sequences from which entities draw their watermarks, before `window.activity`."""
    named = [one for one in area.entities.values() if one.sequence]
    if not named:
        return {}
    places = [one.sequence for one in named if one.sequence]
    rows = session.rows(
        compose.statement(__name__, "sequences"),
        {"schemas": [schema for schema, _ in places], "names": [name for _, name in places]},
    )
    return {entity.name: Read(*row) for entity, row in zip(named, rows, strict=True)}


def wrong(area: Area, entity: Entity, found: Read) -> Iterator[ContractError]:
    """Yield what is wrong with a sequence: it is missing, or its numbers are no watermark."""
    sequence = f"{found.schema}.{found.name}"
    quoted = db.quoted(found.schema, found.name)
    why = f"entities.{entity.name}.watermark_sequence of sql/{area.area}/area.yml"
    if not found.is_there:
        lack = f"the sequence {sequence} does not exist, but {why} names it. Correct the name."
    elif not found.is_readable:
        lack = (
            f"the login may not read the sequence {sequence}. Run `grant select on sequence "
            f"{quoted} to <the login>`."
        )
    elif found.cache > 1:
        lack = (
            f"each session keeps {found.cache} numbers of the sequence {sequence} in a cache, so a "
            f"number may be used long after it was drawn. Run `alter sequence {quoted} cache 1`."
        )
    elif found.increment < 1 or found.cycles:
        lack = (
            f"the numbers of the sequence {sequence} do not always grow, so they are no watermark. "
            f"Name another one in {why}, or set `extract: full`."
        )
    else:
        return
    yield ContractError(f"{area.source.name}: {lack}", server=area.source.name, table=sequence)


def drawn(area: Area, now: Mapping[str, Read], known: Mapping[str, Drawn]) -> dict[str, Drawn]:
    """Say what sequences had drawn by which instants.

    Args:
        area: names the entities.
        now: what `read` has found. A sequence that can't be read is left out.
        known: entity -> what is known of earlier looks.

    Raises:
        WindowError: a sequence was set back.
    """
    found: dict[str, Drawn] = {}
    for name, one in now.items():
        if not (one.is_there and one.is_readable):
            continue
        before = {BEGINNING_OF_TIME: NOTHING, **known.get(name, {})}
        number = NOTHING if one.last is None else one.last
        if number < max(before.values()):
            _refuse_set_back(area, name, one, max(before.values()))
        found[name] = {**before, one.at: number}
    return found


def _refuse_set_back(area: Area, name: str, found: Read, highest: int) -> NoReturn:
    number = "nothing" if found.last is None else f"{found.last:,}"
    raise WindowError(
        f"{area.area}.{name}: the sequence {found.schema}.{found.name} has drawn {number}, and "
        f"{highest:,} was seen already: it was set back, or this is another server. What it draws "
        "until then no window would contain. Set it right, then begin anew with "
        f"`tidemark run {area.area} --full-refresh {name}`.",
        area=area.area,
        entities=[name],
    )


def let_others_end(area: Area, found: Mapping[str, Drawn]) -> None:
    """Wait for the margin if numbers were drawn since the last look.

    So the short transactions that are open now, and may have drawn some of them, are over by then.
    """
    if any(_is_growing(each) for each in found.values()):
        time.sleep(area.margin.total_seconds())


def _is_growing(found: Drawn) -> bool:
    *_, before, last = sorted(found)
    return found[before] < found[last]


def windows(found: Mapping[str, Window], known: Mapping[str, Drawn]) -> dict[str, Window]:
    """Let windows end at instants of which it is known what had been drawn by then."""
    return {
        name: _ending(one, known[name]) if name in known else one for name, one in found.items()
    }


def _ending(window: Window, known: Drawn) -> Window:
    assert window.high is not None, "an entity with a sequence has windows"
    before = max(at for at in known if at <= window.high)
    after = min((at for at in known if at > window.high), default=None)
    # Where nothing was drawn between two instants, the number is known for all between them.
    is_still = after is not None and known[after] == known[before]
    high = window.high if is_still else max(before, window.low or before)
    return replace(window, high=high, drawn=known)


def kept(window: Window) -> Drawn:
    """Return what the next look has to know: the number at the window's end, and later ones."""
    if not window.drawn or window.high is None:
        return {}
    later = sorted(at for at in window.drawn if at > window.high)[-_KEPT:]
    here = {window.high: watermarks.last(window.drawn, window.high)}
    return here | {at: window.drawn[at] for at in later}
