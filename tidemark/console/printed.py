"""How a view makes each of its columns, as PostgreSQL prints it.

Nothing is parsed, so this works for a view that can't be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_LONGEST = 200_000
"""Characters of a definition that is read."""
_WRAPPED = re.compile(r"\s*\n\s*")


@lru_cache(maxsize=2048)
def expressions(definition: str) -> Sequence[tuple[str, ...]]:
    """Return the expressions of each column, one of each `select`; empty: they can't be told."""
    lists = _lists(definition) if len(definition) <= _LONGEST else []
    if not lists or len({len(one) for one in lists}) != 1:
        return ()
    return [tuple(dict.fromkeys(texts)) for texts in zip(*lists, strict=True)]


def _lists(definition: str) -> list[list[str]]:
    """Return the lists of the selects; none if some of them are in parentheses."""
    from sqlglot import TokenType as Is
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        tokens = tokenize(definition, "postgres")
    except SqlglotError:
        return []
    between = {Is.UNION, Is.EXCEPT, Is.INTERSECT}
    ends = {Is.FROM, Is.WHERE, Is.SEMICOLON, *between}
    opening, closing = (Is.L_PAREN, Is.L_BRACKET), (Is.R_PAREN, Is.R_BRACKET)
    found, texts = list[list[str]](), list[str]()
    # Where a column's text begins, and where its name does; -1: nowhere.
    depth, begin, named = 0, -1, -1
    last, is_on, selects = Is.COMMA, False, 1
    for token in tokens:
        kind = token.token_type
        depth += (kind in opening) - (kind in closing)
        selects += kind in between and not depth
        # `is distinct from` is no end.
        is_end = kind in ends and last != Is.DISTINCT
        if depth or (begin < 0 and kind != Is.SELECT):
            pass
        elif kind == Is.SELECT or (kind == Is.DISTINCT and last == Is.SELECT):
            begin = token.end + 1
        elif kind == Is.ON:
            is_on = True
        elif is_on and kind == Is.R_PAREN:
            begin, is_on = token.end + 1, False
        elif kind == Is.ALIAS:
            named = token.start
        elif is_end or kind == Is.COMMA:
            ending = named if named > begin else token.start
            texts.append(_WRAPPED.sub(" ", definition[begin:ending].strip()))
            begin = -1 if is_end else token.end + 1
            if is_end:
                found.append(texts)
                texts = []
        last = kind
    return found if len(found) == selects else []
