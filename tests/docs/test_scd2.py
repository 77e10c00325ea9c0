"""Each table of docs/scd2.md is what the engine makes of the tables above it in its section."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from benchmarks.peers import rules
from tests.fix_dimension import ADA, Members, ada
from tests.fix_servers import HOME
from tests.fix_visits import Visit, Visits
from tests.oracles.scd2 import Observation
from tests.queries import rows
from tidemark.postgres import worktable
from tidemark.postgres.db import Row, Session

BATCHES = ("batch", "updated_at", "city", "name", "deleted_at")
VERSIONS = ("customer_key", "city", "name", "valid_from", "valid_to", "state")
TIER = "tier"
"""A column that some tables have behind the city."""
CLOCK = "seen_at"
"""A column that some tables have behind the batch: its clock. Then `moves_at` is the change."""
WORDS = {"": None, "null": None, "true": True, "false": False}
SALES = ("sale", "transaction_timestamp", "customer_key")


def value(cell: str) -> Any:
    """Read a cell: a number, an instant, null or a text."""
    if re.fullmatch(r"\d+", cell):
        return int(cell)
    if re.match(r"\d{4}-", cell):
        return datetime.fromisoformat(cell).replace(tzinfo=UTC)
    return WORDS.get(cell, cell)


def tables(section: str) -> list[tuple[Row, list[Row]]]:
    """Read the tables of a section: header and rows."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        found.append((tuple(lines[0]), [tuple(map(value, line)) for line in lines[2:]]))
    return found


PAGE = (HOME / "docs" / "scd2.md").read_text("utf-8")
SECTIONS = {
    section.partition("\n")[0]: tables(section)
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
    if "\n| customer_key" in section
}


def test_the_page_shows_every_case() -> None:
    assert len(SECTIONS) == 19


@pytest.mark.parametrize("title", SECTIONS)
def test_the_tables_of_a_section_follow_from_each_other(visits: Visits, title: str) -> None:
    last = 0
    for step, (header, shown) in enumerate(SECTIONS[title], start=1):
        if usual(header) == BATCHES:
            if TIER in header and not visits.members.dimension.added:
                visits.members.becomes(added={TIER: last})
            for row in shown:
                cell = dict(zip(header, row, strict=True))
                type2 = (cell["city"], cell.get(TIER))
                seen = Observation(
                    cell["batch"],
                    cell["moves_at" if CLOCK in header else "updated_at"],
                    type2,
                    (cell["name"],),
                    cell["deleted_at"],
                    cell.get(CLOCK),
                )
                visits.publish(step, [], [(ADA, seen)])
                last = cell["batch"]
        elif usual(header) == VERSIONS:
            assert versions(visits, header) == shown
        else:
            assert header == SALES
            new = [Visit(sale, at, ADA) for sale, at, _ in shown if sale not in visits.first_batch]
            visits.publish(step, new)
            assert sales(visits) == shown


def test_the_steps_of_one_key_are_those_of_the_page(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, batches), *steps = tables(PAGE.partition("## One key")[2].partition("\n## ")[0])
    filled: list[str] = []
    monkeypatch.setattr(worktable, "fill", partial(_filling, worktable.fill, filled))
    for batch, updated_at, city, name, _ in batches:
        members.land([ada(batch, updated_at, city, name=name)])

    until_bound = filled[-1].partition("\n)\n\nselect\n")[0] + ")"
    for query, (header, shown) in zip(
        (
            'select {} from landing."members.known" order by _raw_at',
            until_bound + " select {} from told order by _at",
            until_bound + " select {} from continued order by _at",
            'select {} from landing."members.timeline" order by changed_at',
        ),
        steps,
        strict=True,
    ):
        assert rows(members.connection, query.replace("{}", ", ".join(header))) == shown


def _filling(fill: Any, filled: list[str], session: Session, *table: Any, **more: Any) -> None:
    """Fill a work table, and note its query."""
    filled.append(session.spelled(table[-1]))
    fill(session, *table, **more)


def usual(header: Row) -> Row:
    """Return the header as most tables have it."""
    named = ("updated_at" if column == "moves_at" else column for column in header)
    return tuple(column for column in named if column not in {TIER, CLOCK})


def test_the_differences_from_dbt_are_those_that_the_benchmark_allows() -> None:
    beside = PAGE.partition("## Beside dbt snapshot")[2]

    assert re.findall(r"^\| (\w[\w ]*) \|", beside, re.MULTILINE) == ["difference", *rules.RULES]


def versions(visits: Visits, header: Row) -> list[Row]:
    """Read the dimension as the page shows it."""
    return rows(
        visits.connection,
        f"""
        select member_key, {", ".join(header[1:-3])}, valid_from, valid_to, case
            when is_inferred then 'inferred'
            when is_deleted then 'deleted'
            when is_current then 'current'
            else 'replaced'
        end
        from dwh_dim_members where member_key <> 0 order by valid_from
        """,
    )


def sales(visits: Visits) -> list[Row]:
    """Read the facts as the page shows them."""
    return rows(visits.connection, "select visit_id, at, host_key from dwh_fact_visits order by 1")
