"""A proposal as `area.yml`. What follows from the names of entities is left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tidemark.declare.star import SEEN, USUAL_SEEN_COLUMN
from tidemark.install.propose import views
from tidemark.install.propose.draft import (
    Dimension,
    Entity,
    Fact,
    Join,
    Placed,
    Proposal,
    Role,
)
from tidemark.install.propose.spelling import WIDTH, scalar, wrapped


def area(proposal: Proposal) -> str:
    """Return `area.yml`."""
    head = (
        "# Written by `tidemark init`. What it guessed says so, and why: correct what is wrong.\n"
        f"area: {scalar(proposal.area)}\n"
        f"schema: {scalar(proposal.schema)}\n"
        f"source: {{name: {scalar(proposal.source)}}}\n"
        "deletes: detect\n"
        "\n"
        "# guess: of a dimension's columns, names, contacts, long texts, counters and times are\n"
        "# overwritten (type1), and a change of any other begins a version (type2).\n"
        "entities:\n"
    )
    return head + entities(proposal)


def entities(proposal: Proposal) -> str:
    """Return what `area.yml` says of entities."""
    return "\n".join("\n".join(_entity(one, proposal)) + "\n" for one in proposal.entities)


def _entity(one: Placed, proposal: Proposal) -> Iterator[str]:
    subject = one.entity
    yield f"  {scalar(one.name)}:"
    if subject.join:
        yield from _made_of(subject, subject.join, proposal)
    else:
        yield from _read(subject, detects=proposal.detects)
    if isinstance(one.star, Dimension):
        yield from _star("dimension", _dimension(one, one.star), one.why)
    elif isinstance(one.star, Fact):
        event = one.star.event_time
        yield from _star("fact", _fact(one, one.star), f"it {one.why}; {event.why}")
    else:
        yield f"    # guess: it {one.why}"


def _read(subject: Entity, *, detects: bool) -> Iterator[str]:
    """Yield how an entity is read from its source."""
    if subject.table.name != ("public", subject.name):
        yield f"    source: {scalar('.'.join(subject.table.name))}"
    yield from _line("key", _list(subject.key_columns), subject.key.why)
    if subject.watermark:
        yield from _line("watermark", [scalar(subject.watermark.value)], subject.watermark.why)
        if subject.watermark_zone:
            why = "that of the database's sessions"
            yield from _line("watermark_zone", [scalar(subject.watermark_zone)], why)
        if not detects:
            yield "    deletes: detect"
    else:
        yield "    extract: full  # guess: no column says when a row has changed"
    if subject.left_out:
        why = "; ".join(dict.fromkeys(subject.left_out.values()))
        yield from _line("leave_out", _list(subject.left_out), why)


def _made_of(subject: Entity, join: Join, proposal: Proposal) -> Iterator[str]:
    """Yield of which rows an entity's are made, and how those name its keys."""
    yield f"    from: [{scalar(join.line)}, {scalar(join.header)}]"
    yield from _line("key", _list(subject.key_columns), "")
    touching = f"{scalar(join.line)}: {_joined(_list(subject.key_columns))}"
    header = f"{scalar(join.header)}: {_joined(_list(join.on))}"
    short = f"    touched_by: {{{touching}, {header}}}"
    is_list = views.names_key(subject, join) and [*join.on] == [*join.on.values()]
    if is_list and len(short) <= WIDTH:
        yield short
        return
    yield "    touched_by:"
    yield from _line(scalar(join.line), _list(subject.key_columns), "", indent=6)
    if not views.names_key(subject, join):
        yield f"      {scalar(join.header)}:"
        yield from _line("columns", _list(subject.key_columns), "", indent=8)
        yield from _query(views.touching(proposal, subject, join))
    elif is_list:
        yield from _line(scalar(join.header), _list(join.on), "", indent=6)
    else:
        named = _map({ours: scalar(theirs) for ours, theirs in join.on.items()})
        yield f"      {scalar(join.header)}:"
        yield from _line("columns", named, "", indent=8)


def _query(query: str) -> Iterator[str]:
    lines = query.splitlines()
    if all(map(str.isprintable, lines)):
        yield "        query: |"
        yield from (f"          {line}" for line in lines)
    else:
        yield f"        query: {scalar(query)}"


_Pairs = Iterator[tuple[str, list[str]]]
"""Keys, and their values in parts at which a line may break."""


def _dimension(one: Placed, star: Dimension) -> _Pairs:
    if star.surrogate_key != f"{one.name}_key":
        yield "surrogate_key", [scalar(star.surrogate_key)]
    if star.type2:
        yield "type2", _list(star.type2)
    if star.type1:
        yield "type1", _list(star.type1)
    if star.effective:
        yield "effective", [scalar(star.effective)]
    if star.references:
        yield "references", _roles(star.references)


def _fact(one: Placed, star: Fact) -> _Pairs:
    subject = one.entity
    if one.dwh != f"fact_{one.name}":
        yield "table", [one.dwh]
    yield "event_time", [scalar(subject.instant(star.event_time.value))]
    if star.seen not in ("", USUAL_SEEN_COLUMN):
        yield "rename", _map({star.seen: SEEN})
    if star.roles:
        yield "dimensions", _roles(star.roles)
    if star.dates:
        dates = {key: scalar(subject.day(column)) for key, column in star.dates.items()}
        yield "dates", _keyed(dates, star.dates.values())


def _keyed(values: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Spell what key columns are made of; a list suffices if they are called `<name>_key`."""
    is_usual = all(key == f"{name}_key" for key, name in zip(values, names, strict=True))
    is_usual = is_usual and not any(value.startswith("{") for value in values.values())
    return _bracketed("[", [*values.values()], "]") if is_usual else _map(values)


def _roles(roles: Mapping[str, Role]) -> list[str]:
    spelled = {column: _role(role) for column, role in roles.items()}
    return _keyed(spelled, [role.entity for role in roles.values()])


def _role(role: Role) -> str:
    by = ", ".join(map(scalar, role.by))
    entity = scalar(role.entity)
    return f"{{entity: {entity}, by: [{by}]}}" if by else entity


def _star(key: str, pairs: _Pairs, why: str) -> Iterator[str]:
    """Yield what an entity is in the star, in one line if there is room, and the reason."""
    found = list(pairs)
    whole = f"{{{', '.join(f'{name}: {_joined(value)}' for name, value in found)}}}"
    if len(f"    {key}: {whole}") <= WIDTH:
        yield from _line(key, [whole], why)
        return
    yield from _line(key, [], why)
    if len(f"      {whole}") <= WIDTH:
        yield f"      {whole}"
        return
    for name, value in found:
        yield from _line(name, value, "", indent=6)


def _line(key: str, value: Sequence[str], why: str, *, indent: int = 4) -> Iterator[str]:
    """Yield a key with its value, which may go over several lines, and the reason for it."""
    blanks = " " * indent
    whole = f"{blanks}{key}: {_joined(value)}".rstrip()
    if len(whole) + len(why) + 11 <= WIDTH:
        yield whole + (f"  # guess: {why}" if why else "")
        return
    if why:
        first, later = f"{blanks}# guess: ", f"{blanks}# "
        yield from textwrap.wrap(why, WIDTH, initial_indent=first, subsequent_indent=later)
    if len(whole) <= WIDTH:
        yield whole
        return
    yield f"{blanks}{key}:"
    yield from wrapped(value, f"{blanks}  ")


def _joined(value: Sequence[str]) -> str:
    return ", ".join(value)


def _list(names: Iterable[str]) -> list[str]:
    return _bracketed("[", [scalar(name) for name in names], "]")


def _map(values: Mapping[str, str]) -> list[str]:
    return _bracketed("{", [f"{scalar(key)}: {value}" for key, value in values.items()], "}")


def _bracketed(opening: str, items: list[str], closing: str) -> list[str]:
    """Put brackets around items, of which there is one at least."""
    items[0] = opening + items[0]
    items[-1] += closing
    return items
