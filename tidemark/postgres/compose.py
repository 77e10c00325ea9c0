"""Fill the placeholders of statements, which are kept whole beside the modules that send them.

A placeholder is a part by its name, or an expression that is repeated for each column of the lists
in it. With `nk` for the columns a and b:

    {nk}                             a, b
    {d.nk}                           d.a, d.b
    {k.nk::text}                     k.a::text, k.b::text
    {max(nk) over whole as nk}       max(a) over whole as a, max(b) over whole as b
    {'nk', k.nk}                     'a', k.a, 'b', k.b
    {t.nk = d.nk}                    t.a = d.a and t.b = d.b
    {t.nk is distinct from d.nk}     (t.a is distinct from d.a or t.b is distinct from d.b)
    {+ length(nk)}                   + length(a) + length(b)

Lists in one expression are read side by side, so they have the same length. A comparison in
parentheses makes a list of truth values: `{(a = b)}`. A comparison of lists without columns is true
for `=`, and false for `is distinct from`; any other expression without columns disappears with the
comma behind it. An expression that begins with `+`, `or`, `when` or `left join` continues what
stands before it, so it takes no commas. An alias may be a part as well; one
that is empty is left out.

No SQL is concatenated from names and values: the driver quotes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from string import Formatter
from typing import Any

from psycopg2 import sql

from tidemark.postgres import sqlfiles

_NAME = re.compile(r"'(?P<quoted>\w+)'|(?:(?P<alias>\w+)\.)?\b(?P<name>[^\W\d]\w*)")
_DISTINCT = " is distinct from "
_GOES_ON = ("+ ", "or ", "when ", "left join ")
_EMPTY, _DOT = sql.SQL(""), sql.SQL(".")
_IN_PARENTHESES = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Columns:
    """A list of columns, and how their values are read."""

    names: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    """Those that `is distinct from` compares as text."""
    types: tuple[str, ...] = ()
    """Type that each is read as; empty: its own."""

    def __len__(self) -> int:
        return len(self.names)

    def split(self, types: Mapping[str, str] | None = None) -> dict[str, Columns]:
        """Return `valued`, which their type's `=` compares, and `texts`, read as these types."""
        texts = tuple(name for name in self.names if name in self.texts)
        read = tuple(types[name] for name in texts) if types else ()
        valued = tuple(name for name in self.names if name not in self.texts)
        return {"valued": Columns(valued), "texts": Columns(texts, types=read)}

    def cast(self, place: int, *, is_compared: bool) -> Iterator[sql.Composable]:
        """Yield the casts of the column at a place."""
        if self.types and self.types[place]:
            yield sql.SQL(f"::{self.types[place]}")
        if is_compared and self.names[place] in self.texts:
            yield sql.SQL("::text")


_List = Columns | Sequence[sql.Composable]
Part = sql.Composable | _List
"""What replaces a name: SQL, a list of columns, or a list of SQL that is read beside one."""
Parts = Mapping[str, Part]


class Repeated(sql.Composed):
    """An expression repeated for lists of columns. It is spelled once: no server quotes otherwise.

    Most of a statement are its columns, and a process sends statements of the same lists again.
    """

    _spelled: str | None = None

    def as_string(self, context: Any = None) -> str:
        """See `sql.Composable.as_string`."""
        if self._spelled is None:
            self._spelled = str(super().as_string(context))
        return self._spelled


class Statement(sql.Composed):
    """A statement of a file. Errors say which it was."""

    def __init__(self, composed: Iterable[sql.Composable], module: str, name: str) -> None:
        super().__init__(composed)
        self.name = f"{module.removeprefix('tidemark.')}.{name}"


def statement(module: str, name: str, common: Parts | None = None, /, **parts: Part) -> Statement:
    """Compose a statement of the file beside a module.

    Args:
        module: its `__name__`. A module composes only its own statements.
        name: the statement.
        common: parts that several statements of the file use.
        parts: the other parts of this statement.

    Raises:
        ValueError: a placeholder has no part; one of `parts` has no placeholder there, or one of
            `common` none in the file; the lists of an expression differ in length; an empty list
            has no comma behind it.
    """
    common = common or {}
    text = sqlfiles.statement(module, name)
    needless = {*parts} - placeholders(text) or {*common} - _placeholders_of(module)
    try:
        if needless:
            raise ValueError(f"no placeholder is for {', '.join(sorted(needless))}.")
        return Statement(_filled(text, {**common, **parts}), module, name)
    except ValueError as error:
        raise ValueError(f"{module}, {name}: {error}") from None


def filled(text: str, parts: Parts) -> sql.Composed:
    """Fill the placeholders of SQL that is trusted; see `statement`."""
    return sql.Composed(_filled(text, parts))


def _filled(text: str, parts: Parts) -> list[sql.Composable]:
    composed: list[sql.Composable] = []
    takes_comma = False
    for before, piece, placeholder in _pieces(text):
        if not takes_comma:
            composed.append(piece)
        elif before.startswith(","):
            composed.append(sql.SQL(before[1:].removeprefix(" ")))
        else:
            raise ValueError("a list without columns has no comma behind it.")
        one = _composed(placeholder, parts) if placeholder else ()
        takes_comma = one is None
        composed.extend(one or ())
    return composed


def union_all(queries: Sequence[sql.Composable]) -> sql.Composed:
    """Compose the query of all rows of several queries, each a statement with the same columns."""
    return sql.SQL("\nunion all\n").join(queries)


@cache
def placeholders(text: str) -> frozenset[str]:
    """Return the names in the placeholders of a statement: those of its parts among them."""
    matches = (_NAME.finditer(placeholder) for *_, placeholder in _pieces(text))
    return frozenset(name for match in chain(*matches) for name in match.groups() if name)


@cache
def _placeholders_of(module: str) -> frozenset[str]:
    return frozenset(chain(*map(placeholders, sqlfiles.statements(module).values())))


@cache
def _pieces(text: str) -> tuple[tuple[str, sql.SQL, str], ...]:
    """Split a text into pieces: a text, it as SQL, and the placeholder behind it; at last none."""
    pieces = (
        (before, sql.SQL(before), (name or "") + (f":{cast}" if cast else ""))
        for before, name, cast, _ in Formatter().parse(text)
    )
    return (*pieces, ("", _EMPTY, ""))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression names a list."""

    before: str
    """What stands between the name before and this one."""
    name: str
    alias: str
    is_quoted: bool

    @property
    def is_cast(self) -> bool:
        """Whether the type of a column goes behind it: not where it is a name for the rest."""
        return not self.before.endswith(" as ")


@dataclass(frozen=True, slots=True)
class _Expression:
    """A placeholder that is repeated, taken apart once for all the lists that fill it."""

    places: tuple[tuple[sql.SQL, _Place, bool], ...]
    """What stands before each but the first, the place, and whether a type goes behind it."""
    first: tuple[sql.SQL, ...]
    """What stands before the first place of the first repetition."""
    between: tuple[sql.SQL, ...]
    """What stands there in the others. A line that goes on has its end as a piece of its own."""
    last: sql.SQL
    without: tuple[sql.SQL, ...] | None
    """What stands for no repetition; None: nothing, and no comma either."""
    is_compared: bool


@cache
def _expression(placeholder: str, lists: frozenset[str]) -> _Expression:
    """Take a placeholder apart, in which these names are lists."""
    places, end = list[_Place](), 0
    for match in _NAME.finditer(placeholder):
        name = match["quoted"] or match["name"]
        if name in lists:
            before, end = placeholder[end : match.start()], match.end()
            places.append(_Place(before, name, match["alias"] or "", bool(match["quoted"])))
    begin, behind = places[0].before, placeholder[end:]
    joiner, around, without = _joined(placeholder)
    return _Expression(
        tuple((sql.SQL(one.before), one, one.is_cast) for one in places),
        (sql.SQL(around[:1] + begin),),
        tuple(
            map(sql.SQL, (behind, joiner, begin) if joiner == "\n" else (behind + joiner + begin,))
        ),
        sql.SQL(behind + around[1:]),
        without,
        _DISTINCT in placeholder,
    )


def _joined(placeholder: str) -> tuple[str, str, tuple[sql.SQL, ...] | None]:
    """Return what joins the repetitions, what goes around them, and what stands for none."""
    if placeholder.startswith(_GOES_ON):
        return "\n", "", ()
    # An operator inside of parentheses belongs to the expression. Only one outside decides how the
    # repetitions are joined.
    outside = _outside_of_parentheses(placeholder)
    if " = " in outside:
        return " and ", "", (sql.SQL("true"),)
    if _DISTINCT in outside:
        return " or ", "()", (sql.SQL("false"),)
    return ", ", "", None


def _composed(placeholder: str, parts: Parts) -> Sequence[sql.Composable] | None:
    """Compose what replaces a placeholder; None for a list without columns."""
    whole = parts.get(placeholder)
    if isinstance(whole, sql.Composable):
        return (whole,)
    lists = {
        name: part
        for name in _names_in(placeholder)
        if (part := parts.get(name)) is not None and not isinstance(part, sql.Composable)
    }
    lengths = {len(one) for one in lists.values()}
    if len(lengths) != 1:
        lacks = f"lists of {sorted(lengths)} columns" if lengths else "no part"
        raise ValueError(f"{{{placeholder}}} has {lacks}.")
    aliases = {
        name: part
        for name in _aliases_in(placeholder)
        if isinstance(part := parts.get(name), sql.Composable)
    }
    if aliases or not all(isinstance(one, Columns) for one in lists.values()):
        return _repeated(placeholder, lists, aliases)
    return _of_columns(placeholder, tuple(lists.items()))


@lru_cache(maxsize=4096)
def _of_columns(
    placeholder: str, lists: tuple[tuple[str, Columns], ...]
) -> Sequence[sql.Composable] | None:
    """Do the same where all lists are of columns, as often as it may be asked for."""
    found = _repeated(placeholder, dict(lists), {})
    return (Repeated(found),) if found else found


def _repeated(
    placeholder: str, lists: Mapping[str, _List], aliases: Parts
) -> Sequence[sql.Composable] | None:
    expression = _expression(placeholder, frozenset(lists))
    length = min(map(len, lists.values()))
    if not length:
        return expression.without
    composed: list[sql.Composable] = []
    for number in range(length):
        composed.extend(expression.between if number else expression.first)
        _repeat(expression, number, lists, aliases, composed)
    composed.append(expression.last)
    return (sql.Composed(composed),) if expression.without == () else composed


def _repeat(
    expression: _Expression,
    number: int,
    lists: Mapping[str, _List],
    aliases: Parts,
    composed: list[sql.Composable],
) -> None:
    """Append the columns of one number in the lists, and what stands between them."""
    for count, (before, place, is_cast) in enumerate(expression.places):
        if count:
            composed.append(before)
        one = lists[place.name]
        if not isinstance(one, Columns):
            composed.append(one[number])
        elif place.is_quoted:
            composed.append(sql.Literal(one.names[number]))
        else:
            if place.alias:
                composed.extend(_alias(place.alias, aliases))
            composed.append(sql.Identifier(one.names[number]))
            if is_cast and (one.types or one.texts):
                composed.extend(one.cast(number, is_compared=expression.is_compared))


def _alias(alias: str, aliases: Parts) -> Sequence[sql.Composable]:
    part = aliases.get(alias)
    if part == _EMPTY:
        return ()
    return (part, _DOT) if isinstance(part, sql.Composable) else (_prefix(alias),)


@cache
def _prefix(alias: str) -> sql.SQL:
    return sql.SQL(f"{alias}.")


@cache
def _aliases_in(placeholder: str) -> frozenset[str]:
    return frozenset(match["alias"] for match in _NAME.finditer(placeholder) if match["alias"])


@cache
def _names_in(placeholder: str) -> tuple[str, ...]:
    return tuple(match["quoted"] or match["name"] for match in _NAME.finditer(placeholder))


def _outside_of_parentheses(text: str) -> str:
    while (shorter := _IN_PARENTHESES.sub("", text)) != text:
        text = shorter
    return text
