"""Data-quality gates. They run in the publishing transaction; a row that is found rolls it back."""

from __future__ import annotations

from tidemark.declare.config import Area
from tidemark.errors import GateError
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session


def gate(session: Session, area: Area) -> None:
    """Run the area's checks inside the publishing transaction.

    Args:
        session: on the DWH. A check sees the tables as they would be published, and the landing
            tables with the rows of this batch. A landing table without such rows is empty.
        area: its checks are queries that return rows that must not be there.

    Raises:
        GateError: a check returned rows. The caller rolls back.
    """
    for check in area.checks:
        found = session.value(compose.statement(__name__, "violations", query=db.raw(check.sql)))
        if found:
            raise GateError(
                f"{area.area}: the check {check.name!r} found {found} rows ({check.description}). "
                "Nothing was published. Run its query from "
                f"sql/{area.area}/area.yml in the DWH to see them.",
                gate=check.name,
                rows=found,
            )
