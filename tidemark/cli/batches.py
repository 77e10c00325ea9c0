"""Commands about batches and what they left: plan, run, status, history, rejects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli.app import (
    AreaName,
    AsJson,
    find_project,
    open_servers,
    print_json,
    show,
    table,
    working,
)
from tidemark.errors import UnknownNameError, UsageError
from tidemark.model import HOPS, Hop, HopResult

if TYPE_CHECKING:
    from tidemark.plan import Plan
    from tidemark.rejects import Reject
    from tidemark.status import Status

MOVED_COLUMNS = ("hop", "entity", "rows", "inserted", "updated", "deleted", "rejected", "seconds")


def plan(area: AreaName = None, as_json: AsJson = False) -> None:
    """Show what a run would move: windows, rows, what holds them back. Writes nothing.

    Example: tidemark plan retail
    """
    from tidemark import plan as planner

    project = find_project()
    with open_servers(project) as opened:
        made = planner.make(opened, project.area(area))
    if as_json:
        print_json(made)
    else:
        _show_plan(made)


def _show_plan(made: Plan) -> None:
    show(
        table(
            f"Next batch of {made.area}",
            ("entity", "from", "to (exclusive)", "rows", "held back by"),
            ((e.entity, e.low, e.high, e.rows, e.held_by) for e in made.entities),
        )
    )
    if made.to_stage or made.to_publish:
        typer.echo(f"Besides: {made.to_stage} batches to stage, {made.to_publish} to publish.")


def run(
    area: AreaName = None,
    hop: Annotated[
        str | None, typer.Option(help="Run one hop alone: extract, stage or publish.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run one batch: extract, stage, publish. An unchanged source is no error.

    Example: tidemark run retail
    """
    from tidemark import pipeline

    project = find_project()
    wanted = project.area(area)
    results: list[HopResult] = []
    with open_servers(project) as opened, working(f"{wanted.area}: moving a batch"):
        if hop is None:
            pipeline.run(opened, wanted, report=results.append)
        else:
            results.append(pipeline.run_hop(opened, wanted, _hop(hop)))
    if as_json:
        print_json(results)
        return
    batch_id = results[0].batch_id
    seconds = sum(result.seconds for result in results)
    if not any(result.changed for result in results):
        typer.echo(f"{wanted.area}: nothing changed (batch {batch_id}, {seconds:.2f} s)")
        return
    show(moved_table(f"Batch {batch_id} of {wanted.area}, {seconds:.2f} s", results))


def _hop(name: str) -> Hop:
    for hop in HOPS:
        if hop == name:
            return hop
    raise UnknownNameError("hop", name, HOPS)


def moved_table(title: str, results: list[HopResult]) -> object:
    """Make the table of what each hop moved, entity by entity."""
    return table(
        title,
        MOVED_COLUMNS,
        (
            (result.hop, name, c.processed, c.inserted, c.updated, c.deleted, c.rejected, c.seconds)
            for result in results
            for name, c in result.entities.items()
            if c.processed or c.changed
        ),
    )


def status(area: AreaName = None, as_json: AsJson = False) -> None:
    """Show freshness, high-water marks, the last batches and the open rejects.

    Example: tidemark status
    """
    from tidemark import status as reader

    project = find_project()
    with open_servers(project) as opened:
        found = reader.read(opened, project.area(area))
    if as_json:
        print_json(found)
    else:
        _show_status(found)


def _show_status(found: Status) -> None:
    show(
        table(
            f"Freshness of {found.area}",
            ("table", "has everything before", "batch", "published at"),
            ((m.table, m.high_water_mark, m.batch_id, m.last_updated) for m in found.marks),
        ),
        table(
            "Last batches",
            ("batch", "status", "started", "seconds", "rows extracted", "error"),
            (
                (b.batch_id, b.status, b.started_at, b.seconds, b.rows_extracted, b.error_message)
                for b in found.batches
            ),
        ),
        rejects_table(found.rejects),
    )


def rejects_table(found: list[tuple[str, str, int]]) -> object:
    """Make the table of open rejects by reason."""
    return table("Open rejects", ("entity", "reason", "rows"), found)


def history(
    dimension: Annotated[str, typer.Argument(help="Entity or table, such as customers.")],
    key: Annotated[list[str], typer.Argument(help="Its natural key, one value per column.")],
    every_column: Annotated[bool, typer.Option("--all", help="Show every column.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the versions of one natural key, and how many facts point at each.

    Example: tidemark history customers 42
    """
    from tidemark import history as reader

    project = find_project()
    area, entity = reader.find(list(project.areas.values()), dimension)
    with open_servers(project) as opened:
        found = reader.read(opened, area, entity, key)
    if not found.versions:
        raise UsageError(f"{found.table}: no version has the key {' '.join(key)}.")
    if as_json:
        print_json([dict(zip(found.columns, version, strict=True)) for version in found.versions])
    else:
        columns = found.columns if every_column else found.essential
        show(table(f"{found.table}, key {' '.join(key)}", columns, found.only(columns)))


def rejects(
    area: AreaName = None,
    entity: Annotated[str | None, typer.Option(help="Of this entity alone.")] = None,
    resolved: Annotated[bool, typer.Option(help="Also the resolved ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the rows that cleansing refused, with every reason.

    Example: tidemark rejects retail --entity customers
    """
    from tidemark import rejects as reader

    project = find_project()
    wanted = project.area(area)
    with open_servers(project) as opened, opened.session("stg", "rejects") as stg:
        found = reader.listing(stg, wanted, entity=entity, resolved=resolved, limit=limit)
        summary = reader.by_reason(stg, wanted)
    if as_json:
        print_json(found)
    else:
        _show_rejects(found, summary)


def _show_rejects(found: list[Reject], summary: list[tuple[str, str, int]]) -> None:
    show(
        rejects_table(summary),
        table(
            f"The last {len(found)}",
            ("entity", "key", "reasons", "batch", "row"),
            (
                (
                    reject.entity,
                    ", ".join(str(value) for value in reject.key.values()),
                    "; ".join(reject.reasons),
                    reject.batch_id,
                    json.dumps(reject.row_data, ensure_ascii=False),
                )
                for reject in found
            ),
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, run, status, history, rejects):
        app.command()(command)
