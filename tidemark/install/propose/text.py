"""A proposal as files: `area.yml`, the star, and views where a dimension needs other names."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from tidemark.declare.star import SEEN, USUAL_SEEN_COLUMN
from tidemark.install.propose.draft import Dimension, Entity, Fact, Placed, Proposal, Role
from tidemark.layers.mirror import LINEAGE, REASONS
from tidemark.postgres.db import quoted

_WIDTH = 100
_PLAIN = re.compile(r"[^\W\d][\w./]*")
_SQL = re.compile(r"[a-z_][a-z0-9_]*")
_NO_NAMES = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def area(proposal: Proposal) -> str:
    """Return `area.yml`."""
    head = (
        "# Written by `tidemark init`. What it guessed says so, and why: correct what is wrong.\n"
        f"area: {_scalar(proposal.area)}\n"
        f"schema: {_scalar(proposal.schema)}\n"
        f"source: {{name: {_scalar(proposal.source)}}}\n"
        "\n"
        "# guess: of a dimension's columns, names, contacts, long texts, counters and times are\n"
        "# overwritten (type1), and a change of any other begins a version (type2).\n"
        "entities:\n"
    )
    return head + "\n".join(entity(one) for one in proposal.entities)


def entity(one: Placed) -> str:
    """Return what `area.yml` says of an entity."""
    return "\n".join(_entity(one)) + "\n"


def _entity(one: Placed) -> Iterator[str]:
    subject = one.entity
    yield f"  {_scalar(one.name)}:"
    yield f"    source: {_scalar('.'.join(subject.table.name))}"
    yield from _line("key", _list(subject.key_columns), subject.key.why)
    if subject.watermark:
        yield from _line("watermark", [_scalar(subject.watermark.value)], subject.watermark.why)
        if subject.watermark_zone:
            why = "that of the database's sessions"
            yield from _line("watermark_zone", [_scalar(subject.watermark_zone)], why)
        yield "    deletes: detect"
    else:
        yield "    extract: full  # guess: no column says when a row has changed"
    if subject.left_out:
        why = "; ".join(dict.fromkeys(subject.left_out.values()))
        yield from _line("leave_out", _list(subject.left_out), why)
    if isinstance(one.star, Dimension):
        yield from _star("dimension", _dimension(one.dwh, one.star), one.why)
    else:
        event = one.star.event_time
        yield from _star("fact", _fact(one.dwh, one.star, subject), f"it {one.why}; {event.why}")


_Pairs = Iterator[tuple[str, list[str]]]
"""Keys, and their values in parts at which a line may break."""


def _dimension(table: str, star: Dimension) -> _Pairs:
    yield "table", [table]
    yield "surrogate_key", [_scalar(star.surrogate_key)]
    if star.type2:
        yield "type2", _list(star.type2)
    if star.type1:
        yield "type1", _list(star.type1)
    if star.effective:
        yield "effective", [_scalar(star.effective)]


def _fact(table: str, star: Fact, subject: Entity) -> _Pairs:
    yield "table", [table]
    yield "event_time", [_scalar(subject.instant(star.event_time.value))]
    if star.seen not in ("", USUAL_SEEN_COLUMN):
        yield "rename", _map({star.seen: SEEN})
    if star.roles:
        yield "dimensions", _map({column: _role(role) for column, role in star.roles.items()})
    if star.dates:
        dates = {key: _scalar(subject.day(column)) for key, column in star.dates.items()}
        yield "dates", _map(dates)


def _role(role: Role) -> str:
    by = ", ".join(map(_scalar, role.by))
    entity = _scalar(role.entity)
    return f"{{entity: {entity}, by: [{by}]}}" if by else entity


def _star(key: str, pairs: _Pairs, why: str) -> Iterator[str]:
    """Yield what an entity is in the star, in one line if there is room, and the reason."""
    yield from _line(key, [], why)
    found = list(pairs)
    whole = f"      {{{', '.join(f'{name}: {_joined(value)}' for name, value in found)}}}"
    if len(whole) <= _WIDTH:
        yield whole
        return
    for name, value in found:
        yield from _line(name, value, "", indent=6)


def _line(key: str, value: Sequence[str], why: str, *, indent: int = 4) -> Iterator[str]:
    """Yield a key with its value, which may go over several lines, and the reason for it."""
    blanks = " " * indent
    whole = f"{blanks}{key}: {_joined(value)}".rstrip()
    if len(whole) + len(why) + 11 <= _WIDTH:
        yield whole + (f"  # guess: {why}" if why else "")
        return
    if why:
        first, later = f"{blanks}# guess: ", f"{blanks}# "
        yield from textwrap.wrap(why, _WIDTH, initial_indent=first, subsequent_indent=later)
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"{blanks}{key}:"
    yield from _wrapped(value, f"{blanks}  ")


def _joined(value: Sequence[str]) -> str:
    return ", ".join(value)


def _list(names: Iterable[str]) -> list[str]:
    return _bracketed("[", [_scalar(name) for name in names], "]")


def _map(values: Mapping[str, str]) -> list[str]:
    return _bracketed("{", [f"{_scalar(key)}: {value}" for key, value in values.items()], "}")


def _bracketed(opening: str, items: list[str], closing: str) -> list[str]:
    """Put brackets around items, of which there is one at least."""
    items[0] = opening + items[0]
    items[-1] += closing
    return items


def _scalar(name: str) -> str:
    is_plain = _PLAIN.fullmatch(name) and name.lower() not in _NO_NAMES
    if is_plain:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _wrapped(items: Iterable[str], indent: str) -> Iterator[str]:
    """Yield lines with items, and commas between them."""
    line = indent
    for item in items:
        if line.strip():
            line += ","
            if len(line) + len(item) + 1 > _WIDTH:
                yield line
                line = indent
            else:
                line += " "
        line += item
    yield line


def star(proposal: Proposal) -> str:
    """Return the file that makes the star."""
    head = "-- The star, as `tidemark init` proposed it. Keys that are 0 say: not known.\n\n"
    return head + tables(proposal)


def tables(proposal: Proposal) -> str:
    """Return the statements that make the tables of the star."""
    return "\n".join(_table(one, proposal) for one in proposal.entities)


def _table(one: Placed, proposal: Proposal) -> str:
    make = _dimension_table if isinstance(one.star, Dimension) else _fact_table
    return "\n".join(make(one, proposal.schema, proposal.keywords)) + "\n"


def _dimension_table(one: Placed, schema: str, keywords: Collection[str]) -> Iterator[str]:
    assert isinstance(one.star, Dimension), "called for dimensions"
    place = f"{_name(schema, keywords)}.{one.dwh}"
    called = {c.name: one.star.renamed.get(c.name, c.name) for c in one.entity.columns}
    shown = {*one.entity.key_columns, *one.star.type2, *one.star.type1}
    columns = [f"{_name(one.star.surrogate_key, keywords)} bigint generated by default as identity"]
    columns += [
        f"{_name(called[c.name], keywords)} {c.type}"
        for c in one.entity.columns
        if called[c.name] in shown
    ]
    yield from _create(place, columns)
    key = ", ".join(map(_text, one.entity.key_columns))
    made = f"{_text(f'{schema}.{one.dwh}')}, {_text(one.star.surrogate_key)}, array[{key}]"
    yield f"select tidemark.create_dimension({made});"
    said = f"One row per version of a row of {one.entity.table.label}."
    yield f"comment on table {place} is {_text(said)};"


def _fact_table(one: Placed, schema: str, keywords: Collection[str]) -> Iterator[str]:
    assert isinstance(one.star, Fact), "called for facts"
    place = f"{_name(schema, keywords)}.{one.dwh}"
    star = one.star
    roles = [_name(column, keywords) for column in star.roles]
    columns = [f"{_name(c.name, keywords)} {c.type}" for c in star.columns]
    columns += [f"{column} bigint not null" for column in roles]
    columns += [f"{_name(column, keywords)} integer not null" for column in star.dates]
    columns += [f"{star.seen} timestamptz not null"] if star.seen else []
    columns += ["_batch_id bigint not null"]
    columns += [f"primary key ({', '.join(_name(c, keywords) for c in one.entity.key_columns)})"]
    yield from _create(place, columns)
    yield from (f"create index on {place} ({column});" for column in roles)
    yield f"comment on table {place} is {_text(f'One row per row of {one.entity.table.label}.')};"


def _create(place: str, columns: Sequence[str]) -> Iterator[str]:
    whole = f"create table {place} ({', '.join(columns)});"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"create table {place} ("
    yield from _wrapped(columns, "    ")
    yield ");"


def view(proposal: Proposal, one: Placed) -> str:
    """Return the cleansing view that renames columns of a dimension; '' if none needs it."""
    if not isinstance(one.star, Dimension) or not one.star.renamed:
        return ""
    landing = proposal.landing
    columns = [
        f"{_name(c.name, proposal.keywords)} as {_name(new, proposal.keywords)}"
        if (new := one.star.renamed.get(c.name))
        else _name(c.name, proposal.keywords)
        for c in one.entity.columns
    ]
    columns += [*LINEAGE, f"array[]::text[] as {REASONS}"]
    lines = _wrapped(columns, "    ")
    said = "\n".join(textwrap.wrap(_RENAMED, _WIDTH, initial_indent="-- ", subsequent_indent="-- "))
    return (
        f"{said}\ncreate or replace view {landing}.clean_{one.name} as\nselect\n"
        + "\n".join(lines)
        + f"\nfrom {landing}.{one.name};\n"
    )


_RENAMED = (
    "A dimension has columns of its own for its versions. Those of the source get other names."
)


def _name(name: str, keywords: Collection[str]) -> str:
    return name if _SQL.fullmatch(name) and name not in keywords else quoted(name)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
