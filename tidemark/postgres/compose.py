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
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from string import Formatter

from psycopg2 import sql

from tidemark.postgres import sqlfiles

_NAME = re.compile(r"'(?P<quoted>\w+)'|(?:(?P<alias>\w+)\.)?\b(?P<name>[^\W\d]\w*)")
_DISTINCT = " is distinct from "
_GOES_ON = ("+ ", "or ", "when ", "left join ")
_IN_PARENTHESES = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Columns:
    """A list of columns, and how their values are read."""

    names: tuple[str, ...]
    texts: Collection[str] = frozenset()
    """Those that `is distinct from` compares as text."""
    types: Sequence[str] = ()
    """Type that each is read as; empty: its own."""

    def __len__(self) -> int:
        return len(self.names)

    def cast(self, place: int, *, is_compared: bool) -> Iterator[sql.Composable]:
        """Yield the casts of the column at a place."""
        if self.types and self.types[place]:
            yield sql.SQL(f"::{self.types[place]}")
        if is_compared and self.names[place] in self.texts:
            yield sql.SQL("::text")


Part = sql.Composable | Columns | Sequence[sql.Composable]
"""What replaces a name: SQL, a list of columns, or a list of SQL that is read beside one."""
Parts = Mapping[str, Part]


class Statement(sql.Composed):
    """A statement of a file. Errors say which it was."""

    def __init__(self, composed: sql.Composed, module: str, name: str) -> None:
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
        return Statement(filled(text, {**common, **parts}), module, name)
    except ValueError as error:
        raise ValueError(f"{module}, {name}: {error}") from None


def filled(text: str, parts: Parts) -> sql.Composed:
    """Fill the placeholders of SQL that is trusted; see `statement`."""
    composed: list[sql.Composable] = []
    takes_comma = False
    for before, placeholder in _pieces(text):
        if takes_comma and not before.startswith(","):
            raise ValueError("a list without columns has no comma behind it.")
        composed.append(sql.SQL(before[1:].removeprefix(" ") if takes_comma else before))
        one = _composed(placeholder, parts) if placeholder else sql.SQL("")
        takes_comma = one is None
        if one is not None:
            composed.append(one)
    return sql.Composed(composed)


def union_all(queries: Sequence[sql.Composable]) -> sql.Composed:
    """Compose the query of all rows of several queries, each a statement with the same columns."""
    return sql.SQL("\nunion all\n").join(queries)


@cache
def placeholders(text: str) -> frozenset[str]:
    """Return the names in the placeholders of a statement: those of its parts among them."""
    matches = (_NAME.finditer(placeholder) for _, placeholder in _pieces(text))
    return frozenset(name for match in chain(*matches) for name in match.groups() if name)


@cache
def _placeholders_of(module: str) -> frozenset[str]:
    return frozenset(chain(*map(placeholders, sqlfiles.statements(module).values())))


@cache
def _pieces(text: str) -> tuple[tuple[str, str], ...]:
    """Split a text into pairs: some text, and the placeholder behind it; the last one is empty."""
    pieces = (
        (before, (name or "") + (f":{cast}" if cast else ""))
        for before, name, cast, _ in Formatter().parse(text)
    )
    return (*pieces, ("", ""))


def _composed(placeholder: str, parts: Parts) -> sql.Composable | None:
    """Compose what replaces a placeholder; None for a list without columns."""
    whole = parts.get(placeholder)
    if isinstance(whole, sql.Composable):
        return whole
    lists = [
        one for match in _NAME.finditer(placeholder) if (one := _list(match, parts)) is not None
    ]
    lengths = {len(one) for one in lists}
    if len(lengths) != 1:
        lacks = f"lists of {sorted(lengths)} columns" if lengths else "no part"
        raise ValueError(f"{{{placeholder}}} has {lacks}.")
    each = [sql.Composed(_repeated(placeholder, parts, place)) for place in range(*lengths)]
    if placeholder.startswith(_GOES_ON):
        return sql.SQL("\n").join(each)
    # An operator inside of parentheses belongs to the expression. Only one outside decides how the
    # repetitions are joined.
    outside = _outside_of_parentheses(placeholder)
    if " = " in outside:
        return sql.SQL(" and ").join(each) if each else sql.SQL("true")
    if _DISTINCT in outside:
        either = sql.SQL(" or ").join(each)
        return sql.SQL("(") + either + sql.SQL(")") if each else sql.SQL("false")
    return sql.SQL(", ").join(each) if each else None


def _repeated(placeholder: str, parts: Parts, place: int) -> Iterator[sql.Composable]:
    """Yield an expression for the columns at one place of its lists."""
    end = 0
    for match in _NAME.finditer(placeholder):
        one = _list(match, parts)
        if one is None:
            continue
        before, end = placeholder[end : match.start()], match.end()
        yield sql.SQL(before)
        if not isinstance(one, Columns):
            yield one[place]
        elif match["quoted"]:
            yield sql.Literal(one.names[place])
        else:
            yield from _alias(match["alias"], parts)
            yield sql.Identifier(one.names[place])
            if not before.endswith(" as "):
                yield from one.cast(place, is_compared=_DISTINCT in placeholder)
    yield sql.SQL(placeholder[end:])


def _list(match: re.Match[str], parts: Parts) -> Columns | Sequence[sql.Composable] | None:
    """Return the list that a name means; None for a word of SQL."""
    part = parts.get(match["quoted"] or match["name"])
    return None if isinstance(part, sql.Composable) else part


def _alias(alias: str | None, parts: Parts) -> Iterator[sql.Composable]:
    part = parts.get(alias or "")
    if alias and part != sql.SQL(""):
        yield part if isinstance(part, sql.Composable) else sql.SQL(alias)
        yield sql.SQL(".")


def _outside_of_parentheses(text: str) -> str:
    while (shorter := _IN_PARENTHESES.sub("", text)) != text:
        text = shorter
    return text
