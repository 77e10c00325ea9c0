"""What the columns of one view come from: its definition as PostgreSQL prints it, read by sqlglot.

What is found is bounded by what PostgreSQL itself has noted that the view reads. It has not noted
for which column; so what could not be found is that of any column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tidemark.model import QualifiedName

if TYPE_CHECKING:
    from sqlglot import exp

Place = tuple[str, str, str]
"""Schema, table or view, column; '' as the column: of the table as a whole."""
Places = frozenset[Place]

_NONE: Places = frozenset()
_LONGEST = 200_000
"""Characters of a definition that is read."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view, as the catalog shows it."""

    name: QualifiedName
    columns: tuple[str, ...]
    definition: str = ""
    """The query of a view; '': it is a table."""
    reads: Places = _NONE
    """What PostgreSQL has noted that the view reads."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one column of a query comes from, each as a column of what the query reads."""

    values: Places = _NONE
    """What its expression reads."""
    rows: Places = _NONE
    """What decides from which rows: conditions of joins, `where`, `group by`."""
    maybe: Places = _NONE
    """What it may also depend on: only PostgreSQL knows that the view reads it."""
    is_whole: bool = True
    """Whether each name in it was found."""

    def __or__(self, other: Drawn) -> Drawn:
        return Drawn(
            self.values | other.values,
            self.rows | other.rows,
            is_whole=self.is_whole and other.is_whole,
        )

    @property
    def all(self) -> Places:
        """Whatever is known of it."""
        return self.values | self.rows


_NOTHING = Drawn()
_UNFOUND = Drawn(is_whole=False)
_Columns = list[tuple[str, Drawn]]


@dataclass(slots=True)
class _Source:
    """What stands behind an alias."""

    columns: Mapping[str, Drawn]
    others: Drawn | None = None
    """What its other columns come from; None: it has no others. Functions have any."""
    rows: Places = _NONE
    """What decides which of its rows meet the others, where an outer join leaves it out."""

    def column(self, name: str) -> Drawn | None:
        """Return what a column of it comes from; '' as the name: all of its columns."""
        found = _all(self.columns.values()) if not name else self.columns.get(name, self.others)
        return None if found is None else replace(found, rows=found.rows | self.rows)


@dataclass(slots=True)
class _Scope:
    """The names that an expression may use."""

    queries: dict[str, _Columns]
    """Those of `with`."""
    outer: _Scope | None = None
    sources: dict[str, _Source] = field(default_factory=dict)
    rows: Places = _NONE
    is_whole: bool = True

    def beside(self) -> _Scope:
        """Return the scope of a query that sees none of these sources."""
        return _Scope(dict(self.queries), self.outer)

    def inside(self) -> _Scope:
        """Return the scope of a query that sees them."""
        return _Scope(dict(self.queries), self)

    def find(self, table: str, column: str) -> Drawn | None:
        """Look a name up, here and then further out."""
        if table:
            found = [self.sources[table].column(column)] if table in self.sources else []
        else:
            found = [one.column(column) for one in self.sources.values()]
            # A function that returns one value has a column with the name of its alias.
            found = [one for one in found if one] or [
                self.sources[name].column("") for name in [column] if name in self.sources
            ]
        known = [one for one in found if one is not None]
        if known:
            return _all(known)
        return self.outer.find(table, column) if self.outer else None


def _all(some: Iterable[Drawn]) -> Drawn:
    found = _NOTHING
    for one in some:
        found |= one
    return found


def read(view: Relation, relations: Mapping[QualifiedName, Relation]) -> Mapping[str, Drawn]:
    """Return what each column of a view comes from.

    A view that can't be read has columns that may depend on all that PostgreSQL has noted.

    Args:
        view: the view.
        relations: those that it reads.
    """
    return _read(view, tuple(relations[each] for each in _near(view) if each in relations))


@lru_cache(maxsize=2048)
def _read(view: Relation, relations: tuple[Relation, ...]) -> Mapping[str, Drawn]:
    """Read a view that is as it is: parsing takes longer than asking the catalog."""
    reader = _Reader(view, {one.name: one for one in relations})
    try:
        found = reader.columns(view.definition)
    except Exception:  # whatever a parser makes of a strange view, the page is shown
        found = []
    if len(found) != len(view.columns):
        found = [(name, _UNFOUND) for name in view.columns]
    noted = frozenset(place for place in view.reads if place[2])
    # PostgreSQL notes no columns of a row that is named as a whole.
    known = noted | frozenset(one for one in reader.seen if one[:2] in reader.whole)
    unseen = noted - reader.seen
    return {
        name: _bounded(one, known, noted, unseen)
        for name, (_, one) in zip(view.columns, found, strict=True)
    }


def _near(view: Relation) -> list[QualifiedName]:
    """Return what a view reads itself."""
    return sorted({place[:2] for place in view.reads})


def _bounded(one: Drawn, known: Places, noted: Places, unseen: Places) -> Drawn:
    """Leave out what PostgreSQL knows nothing of, and add what it alone knows."""
    values, rows = one.values & known, (one.rows & known) - one.values
    is_whole = one.is_whole and one.all <= known
    return Drawn(values, rows, (unseen if is_whole else noted) - values - rows, is_whole)


class _Reader:
    """Reads one definition, and notes every column that it names."""

    def __init__(self, view: Relation, relations: Mapping[QualifiedName, Relation]) -> None:
        self.seen: Places = _NONE
        """Columns that it names."""
        self.whole: set[QualifiedName] = set()
        """Tables whose rows it names as a whole."""
        # PostgreSQL leaves the schema out where the search path finds the table.
        self._named = {
            ("" if is_short else schema, name): relations[schema, name]
            for is_short in (True, False)
            for schema, name in sorted(_near(view), key=lambda one: one[0] == "public")
            if (schema, name) in relations
        }

    def columns(self, definition: str) -> _Columns:
        """Return the names of a query's columns and what they come from."""
        from sqlglot import parse_one

        if len(definition) > _LONGEST:
            raise ValueError("a definition is too long to be read")
        return self._query(parse_one(definition, dialect="postgres"), _Scope({}))

    def _query(self, query: exp.Expr, scope: _Scope) -> _Columns:
        from sqlglot import exp

        common = _part(query, "with")
        for one in _list(common, "expressions"):
            self._common(one, scope, is_recursive=bool(common.args.get("recursive")))
        if isinstance(query, exp.Subquery):
            return self._query(query.this, scope)
        if isinstance(query, exp.SetOperation):
            left = self._query(query.left, scope.beside())
            right = self._query(query.right, scope.beside())
            return [(name, one | two) for (name, one), (_, two) in zip(left, right, strict=True)]
        if isinstance(query, exp.Values):
            return self._values(query, scope)
        if not isinstance(query, exp.Select):
            raise TypeError(f"{type(query).__name__} is no query that is read")
        return self._select(query, scope)

    def _common(self, one: exp.Expr, scope: _Scope, *, is_recursive: bool) -> None:
        """Add a query of `with`. One that may read itself is read until it shows no more."""
        from sqlglot import exp

        found: _Columns = []
        if is_recursive and isinstance(one.this, exp.SetOperation):
            found = _renamed(self._query(one.this.left, scope.beside()), one.alias_column_names)
            scope.queries[one.alias] = found
        while True:
            columns = self._query(one.this, scope.beside())
            known, found = found, _renamed(columns, one.alias_column_names)
            scope.queries[one.alias] = found
            if not is_recursive or found == known:
                return

    def _select(self, select: exp.Select, scope: _Scope) -> _Columns:
        begin = _part(select, "from")
        if begin is not None:
            self._source(begin.this, scope)
        for join in _list(select, "joins"):
            self._join(join, scope)
        named = {one.this.name: one for one in _list(select, "windows")}
        distinct = _part(select, "distinct")
        parts = [select.args.get(part) for part in ("where", "group", "having")]
        if distinct is not None and distinct.args.get("on") is not None:
            parts += [distinct.args["on"], select.args.get("order")]
        elif select.args.get("limit") is not None:
            parts.append(select.args.get("order"))
        for part in filter(None, parts):
            drawn = self._drawn(part, scope)
            scope.rows |= drawn.all
            scope.is_whole &= drawn.is_whole
        columns: _Columns = []
        for one in select.expressions:
            columns += self._projected(one, scope, named)
        return columns

    def _projected(self, one: exp.Expr, scope: _Scope, windows: Mapping[str, exp.Expr]) -> _Columns:
        from sqlglot import exp

        if isinstance(one, exp.Star):
            found = [pair for each in scope.sources.values() for pair in each.columns.items()]
        else:
            drawn = self._drawn(one, scope)
            for window in one.find_all(exp.Window):
                if window.alias in windows:
                    drawn |= self._drawn(windows[window.alias], scope)
            found = [(one.alias_or_name, drawn)]
        beside = Drawn(rows=scope.rows, is_whole=scope.is_whole)
        return [(name, each | beside) for name, each in found]

    def _drawn(self, expression: exp.Expr, scope: _Scope) -> Drawn:
        """Return what an expression reads."""
        from sqlglot import exp

        found, todo = _NOTHING, [expression]
        while todo:
            node = todo.pop()
            if isinstance(node, exp.Query):
                within = scope.inside()
                found |= _all(one for _, one in self._query(node, within))
                # `exists (select from …)` has no columns.
                found |= Drawn(rows=within.rows, is_whole=within.is_whole)
            elif isinstance(node, exp.Column):
                column = "" if isinstance(node.this, exp.Star) else node.name
                found |= self._named_column(scope, node.table, column)
            else:
                todo.extend(node.iter_expressions())
        return found

    def _named_column(self, scope: _Scope, table: str, column: str) -> Drawn:
        found = scope.find(table, column) or _UNFOUND
        self.seen |= found.all
        if not column:
            self.whole |= {place[:2] for place in found.values}
        return found

    def _values(self, values: exp.Values, scope: _Scope) -> _Columns:
        rows = [
            [self._drawn(each, scope) for each in row.expressions] for row in values.expressions
        ]
        return [
            (f"column{number}", _all(column))
            for number, column in enumerate(zip(*rows, strict=True), 1)
        ]

    def _join(self, join: exp.Join, scope: _Scope) -> None:
        """Add what is joined. Of an outer join, the condition counts for what it may leave out."""
        before = [*scope.sources.values()]
        self._source(join.this, scope)
        added = [*scope.sources.values()][len(before) :]
        on, found = join.args.get("on"), _NOTHING
        if on is not None:
            found = self._drawn(on, scope)
        for column in _list(join, "using"):
            found |= self._named_column(scope, "", column.name)
        scope.is_whole &= found.is_whole
        side = join.side.upper()
        if not side:
            scope.rows |= found.all
        for one in (
            *(added if side in ("LEFT", "FULL") else ()),
            *(before if side in ("RIGHT", "FULL") else ()),
        ):
            one.rows |= found.all

    def _source(self, node: exp.Expr, scope: _Scope) -> None:
        """Add what stands behind `from`: a table, a query, a function, or a join in parentheses."""
        from sqlglot import exp

        alias, names = node.alias_or_name, node.alias_column_names
        inner = node.this if isinstance(node, exp.Subquery | exp.Lateral) else node
        if isinstance(inner, exp.Query | exp.Values):
            is_lateral = isinstance(node, exp.Lateral)
            found = self._query(inner, scope.inside() if is_lateral else scope.beside())
            scope.sources[alias] = _Source(dict(_renamed(found, names)))
        elif isinstance(node, exp.Subquery):
            self._parenthesized(node, scope)
        elif isinstance(inner, exp.Table) and isinstance(inner.this, exp.Identifier):
            scope.sources[alias] = self._table(inner, scope, names)
        else:
            drawn = self._drawn(inner, scope)
            scope.sources[alias] = _Source(dict.fromkeys(names, drawn), others=drawn)
        for join in _list(node, "joins"):
            self._join(join, scope)

    def _parenthesized(self, node: exp.Subquery, scope: _Scope) -> None:
        """Add a join: what it joins is named from outside as it is, or by its alias alone."""
        if not node.alias:
            return self._source(node.this, scope)
        within = scope.beside()
        self._source(node.this, within)
        pairs = [pair for one in within.sources.values() for pair in one.columns.items()]
        scope.sources[node.alias] = _Source(dict(_renamed(pairs, node.alias_column_names)))
        scope.rows |= within.rows
        scope.is_whole &= within.is_whole
        return None

    def _table(self, table: exp.Table, scope: _Scope, names: Sequence[str]) -> _Source:
        if not table.db and table.name in scope.queries:
            return _Source(dict(_renamed(scope.queries[table.name], names)))
        relation = self._named[table.db, table.name]
        schema, name = relation.name
        places = {column: frozenset({(schema, name, column)}) for column in relation.columns}
        pairs = [(column, Drawn(each)) for column, each in places.items()]
        return _Source(dict(_renamed(pairs, names)))


def _renamed(columns: _Columns, names: Sequence[str]) -> _Columns:
    """Give the first columns the names that stand behind an alias."""
    return [
        (names[place] if place < len(names) else name, one)
        for place, (name, one) in enumerate(columns)
    ]


def _part(node: exp.Expr, name: str) -> Any:
    """Return a clause; sqlglot has called `from` and `with` in two ways."""
    return node.args.get(f"{name}_") or node.args.get(name)


def _list(node: Any, name: str) -> list[Any]:
    return (node.args.get(name) if node is not None else None) or []
