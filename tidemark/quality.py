"""Data-quality gates: write, audit, publish. A gate that finds a row rolls the publish back."""

from __future__ import annotations

from tidemark import db
from tidemark.config import Area
from tidemark.db import Session
from tidemark.errors import GateError


def gate(session: Session, area: Area) -> None:
    """Run the area's checks inside the publishing transaction.

    Args:
        session: on the DWH. A check sees the layer's tables as they would be published, and the
            landing tables with what this batch brings (empty where it brings nothing).
        area: its checks are queries that return the rows that must not be there.

    Raises:
        GateError: a check returned rows. The caller rolls back.
    """
    for check in area.checks:
        found = session.value(db.compose("quality", "violations", query=db.text(check.sql)))
        if found:
            raise GateError(
                f"{area.area}: the check {check.name!r} found {found} rows ({check.description}). "
                "Nothing was published. Run its query from "
                f"sql/{area.area}/area.yml in the DWH to see them."
            )
