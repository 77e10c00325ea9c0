"""The page of one key: what was in force when, since when that is known, and where it is from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from tidemark.console import lanes, life
from tidemark.console.lanes import Bar, Lane, Picture, Spot
from tidemark.console.life import Life, Version
from tidemark.console.page import Asked, Page, Refused
from tidemark.declare.entity import Entity
from tidemark.errors import UsageError
from tidemark.model import END_OF_TIME
from tidemark.observe import history
from tidemark.observe.traced import Rows, Stay

WINDOW = 300
"""Versions that are shown at once."""


def show(asked: Asked) -> Page:
    """Show the search, and the key that was searched."""
    entity = asked.entity
    if not entity.dimension:
        raise Refused(404, f"{entity.name} feeds no dimension, so its keys have no versions.")
    key = _key(asked, entity)
    common = {
        "area": asked.area,
        "entity": entity,
        "key": key,
        "surrogate": asked.text("surrogate"),
        "is_owner": asked.access.reaches("owner"),
    }
    if key is None:
        return Page("key_search.html", f"Search a key of {entity.name}", common)
    at, batch = _instant(asked, "at"), asked.number("batch", 0) or None
    try:
        lived = life.read(asked, entity, key, batch)
    except UsageError as error:
        raise Refused(400, str(error)) from error
    versions, window = _window(asked, lived, at)
    about = {
        **common,
        **window,
        "life": lived,
        "shown": versions,
        "at": at,
        "batch": batch,
        "command": shlex.join(["tidemark", "history", f"{asked.area.area}.{entity.name}", *key]),
        "picture": _picture(asked, lived, versions, at),
        "in_force": next((one for one in lived.versions if at and one.holds(at)), None),
    }
    title = f"{entity.name} {' '.join(key)}"
    return Page("key.html", title, about, 200 if lived.is_there else 404)


def _key(asked: Asked, entity: Entity) -> tuple[str, ...] | None:
    """Return the natural key that is asked for; None: none is yet."""
    given, surrogate = asked.query.get("key", ()), asked.number("surrogate", -1)
    if given:
        return tuple(given)
    if surrogate < 0:
        return None
    found = history.natural_key(asked.servers, entity, surrogate)
    if found is None or None in found:
        raise Refused(404, f"No version of {entity.name} has the surrogate key {surrogate}.")
    return tuple(map(str, found))


def _instant(asked: Asked, name: str) -> datetime | None:
    """Read an instant: ISO 8601; without an offset it is one of the zone that is shown."""
    text = asked.text(name).replace(" UTC", "Z")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=asked.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, f"{name}: write an instant such as 2025-06-30T12:00.") from None


def _window(
    asked: Asked, lived: Life, at: datetime | None
) -> tuple[list[Version], dict[str, int | None]]:
    """Choose the versions that are shown: those around the cursor, or the last ones."""
    count = len(lived.versions)
    around = next((n for n, one in enumerate(lived.versions) if at and one.holds(at)), count)
    first = asked.number("first", min(max(around - WINDOW // 2, 0), max(count - WINDOW, 0)))
    return lived.versions[first : first + WINDOW], {
        "first": first,
        "earlier": max(first - WINDOW, 0) if first else None,
        "later": first + WINDOW if first + WINDOW < count else None,
    }


def _picture(
    asked: Asked, lived: Life, versions: Sequence[Version], at: datetime | None
) -> Picture | None:
    drawn = [*_lanes(asked, lived, versions)]
    return lanes.draw(drawn, cursor=at) if any(one.bars or one.spots for one in drawn) else None


def _lanes(asked: Asked, lived: Life, versions: Sequence[Version]) -> Iterator[Lane]:
    entity = asked.entity
    assert entity.dimension is not None, "called for dimensions"
    yield Lane("versions", [*_version_bars(versions)])
    for column in entity.dimension.type2:
        yield Lane(column, [*_value_bars(versions, column)])
    for name, rows in (("STG", lived.below.stg), ("MRR", lived.below.mrr)):
        if rows:
            yield Lane(f"{name} saw", spots=[*_row_spots(rows)], is_of_the_world=False)
    if lived.below.stays:
        refused = [_refused(stay) for stay in lived.below.stays]
        yield Lane("refused", refused, is_of_the_world=False)
    for facts in lived.facts:
        spots = [
            Spot(dot.at, f"{facts.name} {' '.join(dot.key)}", f"#v{dot.surrogate}")
            for dot in facts.dots
            if dot.at
        ]
        yield Lane(facts.name, spots=spots)


def _refused(stay: Stay) -> Bar:
    ends, why = stay.resolved_at or END_OF_TIME, "; ".join(stay.reasons)
    return Bar(stay.first_seen_at, ends, why, "refused", "#rejects")


def _version_bars(versions: Sequence[Version]) -> Iterator[Bar]:
    for number, one in enumerate(versions, 1):
        word = f"{'late, ' if one.is_late else ''}batch {one.batch_id}"
        word = "inferred" if one.is_inferred else word
        anchor = f"#v{one.surrogate}" if one.surrogate is not None else f"#n{number}"
        yield Bar(one.valid_from, one.valid_to, word, "plain", anchor)
    for one, after in zip_longest(versions, versions[1:]):
        if one.is_deleted:
            yield Bar(one.valid_to, after.valid_from if after else END_OF_TIME, "deleted", "gone")


def _value_bars(versions: Sequence[Version], column: str) -> Iterator[Bar]:
    """Yield one bar for each stretch in which a column keeps its value."""
    begins: datetime | None = None
    for one, after in zip_longest(versions, versions[1:]):
        begins = begins or one.valid_from
        goes_on = after and after.valid_from == one.valid_to and column not in after.changed
        if not goes_on:
            yield Bar(begins, one.valid_to, one.values.get(column, ""))
            begins = None


def _row_spots(rows: Rows) -> Iterator[Spot]:
    for one in rows.versions:
        what = "found it gone" if one.deleted_at else "brought this row"
        yield Spot(
            one.extracted_at,
            f"batch {one.batch_id} {what}",
            f"#{rows.layer}{one.batch_id}-{one.seq}",
        )
