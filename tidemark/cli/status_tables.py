"""The state of an area as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemark.cli.output import Listing, show, table

if TYPE_CHECKING:
    from tidemark.observe.status import Refused, Status

_SOURCE = "The source is {}.\n"


def _aggregates(found: Status) -> list[Listing]:
    if not found.aggregates:
        return []
    return [
        table(
            "Aggregates",
            ("table", "batch", "computed at", ""),
            (
                (
                    one.table,
                    one.batch_id and str(one.batch_id),
                    one.computed_at,
                    "the next publish computes it as a whole" if one.is_due else "",
                )
                for one in found.aggregates
            ),
        )
    ]


def show_status(found: Status) -> None:
    """Show freshness, the last batches, broken checks and open rejects."""
    show(
        table(
            f"Freshness of {found.area}",
            ("table", "has everything before", "batch", "published at"),
            (
                (m.table, m.high_water_mark, m.batch_id and str(m.batch_id), m.last_updated)
                for m in found.marks
            ),
        ),
        _SOURCE.format(found.source),
        *_aggregates(found),
        table(
            "Last batches",
            ("batch", "status", "started", "seconds", "rows extracted", "snapshot", "error"),
            (
                (
                    str(b.batch_id),
                    b.status,
                    b.started_at,
                    b.seconds,
                    b.rows_extracted,
                    b.snapshot_seconds,
                    b.error_message,
                )
                for b in found.batches
            ),
        ),
        *_files_tables(found),
        *_checks_tables(found),
        rejects_table(found.rejects),
    )


def _checks_tables(found: Status) -> list[Listing]:
    columns = ("check", "on", "severity", "status", "batch", "")
    rows = [
        (c.check, c.layer, c.severity, c.status, c.batch_id and str(c.batch_id), c.message)
        for c in found.checks
    ]
    return [table("Broken checks", columns, rows)] if rows else []


def _files_tables(found: Status) -> list[Listing]:
    columns = ("entity", "files", "set aside", "last one", "modified", "before now")
    rows = [
        (f.entity, f.taken, f.set_aside, f.last, f.modified, f.lag_seconds) for f in found.files
    ]
    return [table("Files that were taken", columns, rows)] if rows else []


def rejects_table(found: list[Refused]) -> Listing:
    """Make the table of open rejects by reason."""
    columns = ("entity", "reason", "rows")
    return table("Open rejects", columns, ((r.entity, r.reason, r.rows) for r in found))
