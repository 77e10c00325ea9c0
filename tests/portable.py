"""What composed statements of the DWH may not hold, since Citus can't run it, or pulls whole facts.

Plain PostgreSQL runs all of it. So where no Citus is in reach, this lint holds the line
(docs/decisions/0017). It knows tables by their names in tests/snapshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.composed import PARENTHESIS

ROOMS = (
    "aggregates audits facts grains handover indexes judged members outriggers pointers publish "
    "rebuild refresh scd2 summed"
).split()
"""Files of tests/snapshots with statements for the DWH. Of `rebuild`, some are for STG."""
KEYS = r"(?:original_sale_id|no)"
"""Natural keys of the facts."""

FACT = r'"?\b(?:dwh_)?fact_\w+"?'
DIMENSION = r'"?\b(?:dwh_)?dim_\w+"?'
SCHEMA = r"(?:(?!landing|tidemark)\w+\.)?"
LOCAL = r'(?:landing\w*|tidemark)\.[\w".]+'
ALIASES = re.compile(rf'\b(?:from|join)\s+{SCHEMA}[\w".]+\s+as\s+(\w+)')
USED = re.compile(r"\b(\w+)\.")

SET = r"(?:\s+set (?:(?!\bfrom\b)[^;])*?)?"
EMPTY = re.compile(r"\bselect\s+from\b")
DML_BY_FACT = re.compile(
    rf"(?:delete from|update) {LOCAL} as \w+{SET}\s+(?:from|using) {SCHEMA}{FACT}"
)
DML_BY_LOCAL = re.compile(
    rf"(?:delete from|update) {SCHEMA}{DIMENSION} as \w+{SET}\s+(?:from|using) {LOCAL}"
)
SET_KEY = re.compile(rf"update {SCHEMA}{FACT} as \w+\s+set \(?[^;=]*\b{KEYS}\b[^;=]*=")
SPELLED = re.compile(
    rf"update {SCHEMA}(?:{FACT}|{DIMENSION}) as (\w+)\b.*\b\1\.\S+::text\b", re.DOTALL
)

OF_FACT = re.compile(rf"select[^(]*\bfrom {SCHEMA}{FACT}")


def problems(statement: str) -> Iterator[str]:
    """Yield what a composed statement of the DWH may not hold."""
    if EMPTY.search(statement):
        yield "a select without columns"
    if DML_BY_FACT.search(statement):
        yield "a local table is changed by a fact: the whole fact would be fetched"
    if DML_BY_LOCAL.search(statement):
        yield "a dimension is changed by a local table, which is not in a subquery"
    if SET_KEY.search(statement):
        yield "a natural key is set"
    if SPELLED.search(statement):
        yield "a value is compared as text where Citus calls no function that is only stable"
    for inside in _subqueries(statement):
        if re.search(rf"\bfrom {LOCAL}", inside) and _outer(inside) & _of_dwh(statement):
            yield "a correlated subquery onto a local table"
        is_asked = re.search(r"exists \(\s*" + re.escape(inside), statement)
        if is_asked and OF_FACT.match(inside) and "limit 1" not in inside:
            yield "whether facts exist is asked without `limit 1`"


def _of_dwh(statement: str) -> set[str]:
    """Return the aliases of facts and dimensions."""
    table = rf"{SCHEMA}(?:{FACT}|{DIMENSION})"
    return set(re.findall(rf"\b(?:from|join|using|update)\s+{table}\s+as\s+(\w+)", statement))


def _outer(inside: str) -> set[str]:
    """Return the aliases that a subquery uses and does not define."""
    return set(USED.findall(inside)) - set(ALIASES.findall(inside))


def _subqueries(statement: str) -> Iterator[str]:
    """Yield what is in parentheses and begins with `select`, however deep."""
    opened: list[int] = []
    for token in PARENTHESIS.finditer(statement):
        if token[0] == "(":
            opened.append(token.end())
        elif token[0] == ")" and opened:
            inside = statement[opened.pop() : token.start()].strip()
            if inside.startswith("select"):
                yield inside
