"""Composed statements as a reviewer reads them: names as they are, values by their kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain, pairwise

import pytest
from psycopg2 import sql

from tests.fix_servers import HOME
from tidemark.postgres import compose, db, sqlfiles

DRAWN = re.compile(r"(?:[0-9a-f]{32})+")
PLAIN = re.compile(r"(?!binary$)[a-z_][a-z0-9_]*")
"""A name that needs no quotes: it is no word of SQL."""
VERBS = "alter analyze begin copy create delete do drop insert lock select set truncate update with"
WHOLE = re.compile(rf"({'|'.join(VERBS.split())})\b")
"""How a statement begins that is no part of another one."""
PARAMETER = re.compile(r"%\((\w+)\)s")
COLUMN = re.compile(r'[\w."]+,?')
JOIN = "(?:inner|left|full|cross) join"
CLAUSE = re.compile(rf"(?<!distinct) (?=(?:from|where|set|{JOIN}|union all) )")
TRUTH = re.compile(r" (?=(?:and|or) )")
ITEM = re.compile(r"(?<=,) ")
PARENTHESIS = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|[()]""")
GOES_ON = sql.SQL("\n")
"""What stands between the parts of a list without commas."""
WIDTH = 100
"""Of a line."""

Named = tuple[str, str]
"""Module and name of a statement."""


@dataclass(frozen=True)
class Composed:
    """What a statement was composed to once, and the statements that became part of it."""

    text: str
    shows: frozenset[Named]


@dataclass
class Seen:
    """What statements were composed to while others watched."""

    of: dict[Named, set[Composed]] = field(default_factory=dict)
    _noted: dict[int, Composed] = field(default_factory=dict)
    _kept: list[sql.Composed] = field(default_factory=list)

    def note(self, named: Named, composed: sql.Composed) -> None:
        """Note one statement. It is kept, so that it is known where it becomes part of another."""
        self._kept.append(composed)
        text, shows = self.spelled(composed), frozenset({named, *self._inside(composed)})
        self._noted[id(composed)] = Composed(text, shows)
        self.of.setdefault(named, set()).add(Composed(readable(text), shows))

    def spelled(self, composed: sql.Composable) -> str:
        """Spell a statement without a server; a part of several lines is indented as its place."""
        composed = _unbound(composed)
        if noted := self._noted.get(id(composed)):
            return noted.text
        if not isinstance(composed, sql.Composed):
            return spelled(composed)
        text = ""
        for part in composed:
            one = self.spelled(part)
            goes_on = isinstance(part, sql.Composed) and GOES_ON in [*part]
            if goes_on or id(_unbound(part)) in self._noted:
                line = text[text.rfind("\n") + 1 :]
                one = one.replace("\n", "\n" + line[: len(line) - len(line.lstrip())])
            text += one
        return text

    def _inside(self, composed: sql.Composable) -> Iterator[Named]:
        composed = _unbound(composed)
        if noted := self._noted.get(id(composed)):
            yield from noted.shows
        elif isinstance(composed, sql.Composed):
            yield from chain.from_iterable(map(self._inside, composed))

    def shown(self) -> dict[Named, list[Composed]]:
        """Return those to show: of each statement that can be run one, and what fragments need.

        Of several entities' statements the one of customers is shown, else the shortest; those of
        the area `zoned` come last. Where a fragment is in none of them, one more that has it is,
        by the same order: others' may be composed or not, by the second in which a batch begins.
        """
        whole = {named: _in_order(found) for named, found in sorted(self.of.items())}
        whole = {named: found for named, found in whole.items() if WHOLE.match(found[0].text)}
        shown = {named: found[:1] for named, found in whole.items()}
        for fragment in sorted(self.of.keys() - whole.keys()):
            if not any(fragment in one.shows for one in chain(*shown.values())):
                having = [
                    (*_place(one), named, one)
                    for named, found in whole.items()
                    for one in found
                    if fragment in one.shows
                ]
                for *_, named, one in sorted(having, key=lambda each: each[:-1])[:1]:
                    shown[named].append(one)
        return shown

    def files(self) -> dict[str, str]:
        """Return a text for each file of statements: those of `shown` that have placeholders."""
        texts: dict[str, list[str]] = {}
        for (module, name), found in self.shown().items():
            if (module, name) in FILLED:
                text = [f"-- {name}\n{one.text};\n" for one in found]
                texts.setdefault(module.rpartition(".")[2], []).extend(text)
        return {file: "\n".join(found) for file, found in texts.items()}

    def lacking(self) -> list[str]:
        """Return the statements with placeholders that none of the files shows."""
        shown = frozenset[Named]().union(*(one.shows for one in chain(*self.shown().values())))
        return sorted(f"{module}, {name}" for module, name in FILLED - shown)


def _unbound(composed: sql.Composable) -> sql.Composable:
    """Return a statement without its parameters."""
    return composed.statement if isinstance(composed, db.Bound) else composed


def _in_order(found: set[Composed]) -> list[Composed]:
    return sorted(found, key=_place)


def _place(one: Composed) -> tuple[bool, bool, int, str]:
    return "zoned" in one.text, "customers" not in one.text, len(one.text), one.text


def _filled() -> frozenset[Named]:
    paths = (path.relative_to(HOME) for path in (HOME / "tidemark").rglob("*.sql"))
    modules = (".".join(path.with_suffix("").parts) for path in paths)
    return frozenset(
        (module, name)
        for module in modules
        for name, text in sqlfiles.statements(module).items()
        if compose.placeholders(text)
    )


FILLED = _filled()
"""The statements that have placeholders: the others are what they are in their files."""


@contextmanager
def watched() -> Iterator[Seen]:
    """Note what each statement is composed to while the block runs."""
    seen = Seen()
    statement = compose.statement

    def noting(
        module: str, name: str, /, *common: compose.Parts, **parts: compose.Part
    ) -> sql.Composed:
        composed = statement(module, name, *common, **parts)
        seen.note((module, name), composed)
        return composed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "statement", noting)
        yield seen


def spelled(composed: sql.Composable) -> str:
    """Spell a name, a value or SQL without a server."""
    match composed:
        case sql.Identifier():
            return ".".join(map(_name, composed.strings))
        case sql.Literal():
            return _value(composed.wrapped)
        case _:
            assert isinstance(composed, sql.SQL)
            return composed.string


def _name(name: str) -> str:
    name = DRAWN.sub("drawn", name)
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _value(value: object) -> str:
    match value:
        case None | bool():
            return str(value).lower().replace("none", "null")
        case int() | float():
            return str(value)
        case datetime():
            return "timestamptz '2025-01-01Z'"
        case list():
            return f"array[{', '.join(map(_value, value))}]"
        case _:
            return "'" + DRAWN.sub("drawn", str(value)).replace("'", "''") + "'"


@cache
def readable(text: str) -> str:
    """Give what is longer than a line several, and let parameters look like psql's."""
    text = PARAMETER.sub(r":\1", text).replace("%%", "%")
    lines = (line for line in text.split("\n") if line.strip() or not line)
    return "\n".join(chain.from_iterable(map(_lines, lines)))


def _lines(line: str) -> Iterator[str]:
    """Break a list of columns, and a line that is too long where its parentheses are not open."""
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    items = _parted(text, ITEM)
    is_list = indent and len(items) > 1 and all(map(COLUMN.fullmatch, items))
    if len(line) <= WIDTH and not is_list:
        yield line
        return
    verb, _, rest = text.partition(" ")
    for parts in (_parted(text, CLAUSE), [] if verb == "select" else items, _parted(text, TRUTH)):
        if len(parts) > 1:
            yield from chain.from_iterable(_lines(indent + part) for part in parts)
            return
    inside = _parenthesized(text)
    if verb == "select":
        yield f"{indent}select"
        yield from _lines(f"{indent}    {rest}")
    elif inside:
        start, end = inside
        for part in (text[:start], f"    {text[start:end]}", text[end:]):
            yield from _lines(indent + part)
    else:
        yield line


def _outermost(text: str) -> Iterator[tuple[str, int]]:
    """Yield parentheses that are in no others, and quoted texts there, and where each begins."""
    depth = 0
    for token in PARENTHESIS.finditer(text):
        depth = max(depth - (token[0] == ")"), 0)
        if depth == 0:
            yield token[0], token.start()
        depth += token[0] == "("


def _parted(text: str, separator: re.Pattern[str]) -> list[str]:
    """Part a text at separators that are in no parentheses."""
    if not separator.search(text):
        return [text.strip()]
    hidden, start = list[tuple[int, int]](), len(text)
    for token, place in _outermost(text):
        if token == "(":
            start = place
        else:
            hidden.append((start, place) if token == ")" else (place - 1, place + len(token)))
            start = len(text)
    hidden.append((start, len(text)))
    places = (match.start() for match in separator.finditer(text))
    outside = (at for at in places if not any(first < at < last for first, last in hidden))
    cuts = [0, *outside, len(text)]
    return [text[start:end].strip() for start, end in pairwise(cuts)]


def _parenthesized(text: str) -> tuple[int, int] | None:
    """Find what is in the longest parentheses that are in no others."""
    pairs: list[tuple[int, int]] = []
    start = None
    for token, place in _outermost(text):
        if token == "(":
            start = place + 1
        elif token == ")" and start is not None:
            pairs.append((start, place))
    return max(pairs, key=lambda pair: pair[1] - pair[0], default=None)
