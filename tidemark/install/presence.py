"""Objects that the files of `sql/` have made in a layer, and those of them that are missing.

They go missing when a dump is restored in part, or by a `drop … cascade`. No migration brings them
back, since their file counts as applied. An object that a later file drops, renames or moves is not
missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tidemark.install import rights
from tidemark.install.rights import KINDS, NAME, Named
from tidemark.postgres import compose
from tidemark.postgres.db import Session

_PLACE = rf"(?:(?P<schema>{NAME})\s*\.\s*)?(?P<name>{NAME})"
_KIND = rf"(?:materialized\s+|foreign\s+)?(?P<kind>{'|'.join(KINDS)}|routine)"
_DROP = re.compile(rf"drop\s+{_KIND}\s+(?:if\s+exists\s+)?(?P<what>.+)", re.IGNORECASE | re.DOTALL)
_MOVE = re.compile(
    rf"""alter\s+{_KIND}\s+(?:if\s+exists\s+)?{_PLACE}\s*(?:\([^)]*\)\s*)?
    (?:rename\s+to|set\s+schema)\s""",
    re.IGNORECASE | re.VERBOSE,
)
_ARGUMENTS = re.compile(r"\([^)]*\)")
_PLACED = re.compile(_PLACE)


def expected(statements: Iterable[tuple[str, str]]) -> dict[Named, str]:
    """Find which objects exist once the statements have run in this order.

    Args:
        statements: pairs of a file's path and one of its statements.

    Returns:
        Object -> path of the file that makes it.
    """
    made: dict[Named, str] = {}
    for path, statement in statements:
        if one := rights.created(statement):
            made[one] = path
        for gone in _gone(statement):
            for each in [each for each in made if gone in (each, ("schema", each[1], each[1]))]:
                del made[each]
    return {named: path for named, path in made.items() if named[0] != "schema"}


def _gone(statement: str) -> list[Named]:
    """Return the objects that a statement drops, renames or moves to another schema."""
    if dropped := _DROP.match(statement):
        kind, parts = dropped["kind"], _ARGUMENTS.sub("", dropped["what"]).split(",")
        places = [_PLACED.match(part.strip()) for part in parts]
    elif moved := _MOVE.match(statement):
        kind, places = moved["kind"], [moved]
    else:
        return []
    kind = KINDS.get(kind.lower(), "routine")
    return [_named(kind, place["schema"], place["name"]) for place in places if place]


def _named(kind: str, schema: str | None, name: str) -> Named:
    place = name if kind == "schema" else schema or "public"
    return kind, rights.plain(place), rights.plain(name)


def absent(session: Session, wanted: Mapping[Named, str]) -> list[Named]:
    """Find the objects that do not exist, in order."""
    names = sorted(wanted)
    found = session.rows(
        compose.statement(__name__, "absent"),
        {
            "kinds": [kind for kind, *_ in names],
            "schemas": [schema for _, schema, _ in names],
            "names": [name for *_, name in names],
        },
    )
    return [(kind, schema, name) for kind, schema, name in found]
