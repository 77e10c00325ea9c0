"""A proposal as files: `area.yml`, and the tables of the star."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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
from tidemark.install.propose.spelling import WIDTH, identifier, literal, scalar, wrapped


def area(proposal: Proposal) -> str:
    """Return `area.yml`."""
    head = (
        "# Written by `tidemark init`. What it guessed says so, and why: correct what is wrong.\n"
        f"area: {scalar(proposal.area)}\n"
        f"schema: {scalar(proposal.schema)}\n"
        f"source: {{name: {scalar(proposal.source)}}}\n"
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
    yield from _made_of(subject, subject.join, proposal) if subject.join else _read(subject)
    if isinstance(one.star, Dimension):
        yield from _star("dimension", _dimension(one.dwh, one.star), one.why)
    elif isinstance(one.star, Fact):
        event = one.star.event_time
        yield from _star("fact", _fact(one.dwh, one.star, subject), f"it {one.why}; {event.why}")
    else:
        yield f"    # guess: it {one.why}"


def _read(subject: Entity) -> Iterator[str]:
    """Yield how an entity is read from its source."""
    yield f"    source: {scalar('.'.join(subject.table.name))}"
    yield from _line("key", _list(subject.key_columns), subject.key.why)
    if subject.watermark:
        yield from _line("watermark", [scalar(subject.watermark.value)], subject.watermark.why)
        if subject.watermark_zone:
            why = "that of the database's sessions"
            yield from _line("watermark_zone", [scalar(subject.watermark_zone)], why)
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
    yield "    touched_by:"
    yield from _line(scalar(join.line), _list(subject.key_columns), "", indent=6)
    if not views.names_key(subject, join):
        yield f"      {scalar(join.header)}:"
        yield from _line("columns", _list(subject.key_columns), "", indent=8)
        yield from _query(views.touching(proposal, subject, join))
    elif [*join.on] == [*join.on.values()]:
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


def _dimension(table: str, star: Dimension) -> _Pairs:
    yield "table", [table]
    yield "surrogate_key", [scalar(star.surrogate_key)]
    if star.type2:
        yield "type2", _list(star.type2)
    if star.type1:
        yield "type1", _list(star.type1)
    if star.effective:
        yield "effective", [scalar(star.effective)]
    if star.references:
        yield "references", _map({column: _role(role) for column, role in star.references.items()})


def _fact(table: str, star: Fact, subject: Entity) -> _Pairs:
    yield "table", [table]
    yield "event_time", [scalar(subject.instant(star.event_time.value))]
    if star.seen not in ("", USUAL_SEEN_COLUMN):
        yield "rename", _map({star.seen: SEEN})
    if star.roles:
        yield "dimensions", _map({column: _role(role) for column, role in star.roles.items()})
    if star.dates:
        dates = {key: scalar(subject.day(column)) for key, column in star.dates.items()}
        yield "dates", _map(dates)


def _role(role: Role) -> str:
    by = ", ".join(map(scalar, role.by))
    entity = scalar(role.entity)
    return f"{{entity: {entity}, by: [{by}]}}" if by else entity


def _star(key: str, pairs: _Pairs, why: str) -> Iterator[str]:
    """Yield what an entity is in the star, in one line if there is room, and the reason."""
    yield from _line(key, [], why)
    found = list(pairs)
    whole = f"      {{{', '.join(f'{name}: {_joined(value)}' for name, value in found)}}}"
    if len(whole) <= WIDTH:
        yield whole
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


def star(proposal: Proposal) -> str:
    """Return the file that makes the star."""
    head = "-- The star, as `tidemark init` proposed it. Keys that are 0 say: not known.\n\n"
    return head + tables(proposal)


def tables(proposal: Proposal) -> str:
    """Return the statements that make the tables of the star."""
    return "\n".join(_table(one, proposal) for one in proposal.entities if one.star)


def _table(one: Placed, proposal: Proposal) -> str:
    make = _dimension_table if isinstance(one.star, Dimension) else _fact_table
    return "\n".join(make(one, proposal.schema, proposal.keywords)) + "\n"


def _dimension_table(one: Placed, schema: str, keywords: Collection[str]) -> Iterator[str]:
    assert isinstance(one.star, Dimension), "called for dimensions"
    place = f"{identifier(schema, keywords)}.{one.dwh}"
    called = {c.name: one.star.renamed.get(c.name, c.name) for c in one.entity.columns}
    shown = {*one.entity.key_columns, *one.star.type2, *one.star.type1}
    columns = [
        f"{identifier(one.star.surrogate_key, keywords)} bigint generated by default as identity"
    ]
    columns += [
        f"{identifier(called[c.name], keywords)} {c.type}"
        for c in one.entity.columns
        if called[c.name] in shown
    ]
    yield from _create(place, columns)
    key = ", ".join(map(literal, one.entity.key_columns))
    made = f"{literal(f'{schema}.{one.dwh}')}, {literal(one.star.surrogate_key)}, array[{key}]"
    yield f"select tidemark.create_dimension({made});"
    said = f"One row per version of a row of {one.entity.table.label}."
    yield f"comment on table {place} is {literal(said)};"


def _fact_table(one: Placed, schema: str, keywords: Collection[str]) -> Iterator[str]:
    assert isinstance(one.star, Fact), "called for facts"
    place = f"{identifier(schema, keywords)}.{one.dwh}"
    star = one.star
    roles = [identifier(column, keywords) for column in star.roles]
    columns = [f"{identifier(c.name, keywords)} {c.type}" for c in star.columns]
    columns += [f"{column} bigint not null" for column in roles]
    columns += [f"{identifier(column, keywords)} integer not null" for column in star.dates]
    columns += [f"{star.seen} timestamptz not null"] if star.seen else []
    columns += ["_batch_id bigint not null"]
    columns += [
        f"primary key ({', '.join(identifier(c, keywords) for c in one.entity.key_columns)})"
    ]
    yield from _create(place, columns)
    yield from (f"create index on {place} ({column});" for column in roles)
    yield f"comment on table {place} is {literal(f'One row per row of {one.entity.table.label}.')};"


def _create(place: str, columns: Sequence[str]) -> Iterator[str]:
    whole = f"create table {place} ({', '.join(columns)});"
    if len(whole) <= WIDTH:
        yield whole
        return
    yield f"create table {place} ("
    yield from wrapped(columns, "    ")
    yield ");"
