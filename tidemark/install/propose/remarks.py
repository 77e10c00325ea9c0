"""What a person has to know about a proposal: what it leaves out, and what the source lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tidemark.install.propose.catalog import Catalog, SourceTable
from tidemark.install.propose.draft import Proposal
from tidemark.postgres.db import quoted

_INDEXING = {"r": "create index concurrently", "p": "create index"}
"""Kinds of tables. A partitioned one can't have its index made concurrently."""

_NAMED = 8
"""Tables that are named of those for which one remark holds."""


def left_out(proposal: Proposal) -> Iterator[str]:
    """Say which tables are not in the area, and why."""
    return _grouped((".".join(name), why) for name, why in proposal.left_out.items())


def _grouped(remarks: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Say once what holds for several."""
    found: dict[str, list[str]] = {}
    for name, said in remarks:
        found.setdefault(said, []).append(name)
    for said, names in found.items():
        more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
        yield f"{', '.join(names[:_NAMED])}{more}: {said}"


def unknown(proposal: Proposal, catalog: Catalog) -> Iterator[str]:
    """Say what a catalog does not tell."""
    yield from _grouped(
        (one.name, said)
        for one in proposal.entities
        for said in (*one.entity.remarks, *one.remarks)
    )
    if catalog.is_standby:
        yield (
            "the server is a standby, where no safe end of a window is known: name the primary, or "
            "set `settle` for each entity with a watermark"
        )


def lacking(proposal: Proposal, catalog: Catalog, tables: Collection[SourceTable]) -> Iterator[str]:
    """Yield the statements that the source lacks: grants, then indexes."""
    login = quoted(catalog.login)
    if any(one.entity.watermark for one in proposal.entities) and not catalog.sees_all_sessions:
        yield f"grant pg_read_all_stats to {login};"
    for schema in dict.fromkeys(one.name[0] for one in tables if not one.may_use):
        yield f"grant usage on schema {quoted(schema)} to {login};"
    for table in tables:
        if not table.may_read and table.kind in _INDEXING and table.part_of is None:
            yield f"grant select on {quoted(*table.name)} to {login};"
    for one in proposal.entities:
        table, stamp = one.entity.table, one.entity.stamp
        if stamp and not any(index.columns[0] == stamp for index in table.indexes):
            yield f"{_INDEXING[table.kind]} on {quoted(*table.name)} ({quoted(stamp)});"
