"""Commands about batches and their results: plan, run, status, history, rejects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import replaying, status_tables, telling
from tidemark.cli.app import AreaName, AsJson, find_project, open_servers
from tidemark.cli.output import Listing, print_json, progress_bars, show, table
from tidemark.errors import TidemarkError, UnknownNameError, UsageError
from tidemark.model import HOPS, NO_OVERRIDES, Hop, Overrides, in_the_future
from tidemark.results import HopResult, remarks

if TYPE_CHECKING:
    from tidemark.declare.config import Area
    from tidemark.layers.rejects import Reject
    from tidemark.observe.history import History
    from tidemark.observe.plan import Plan
    from tidemark.observe.status import Refused
    from tidemark.postgres.sessions import Servers

_SHOWN = 20
"""Files to come that a plan shows; --json has all."""

_SOURCE = "The source is {}.\n"
_MOVED = ("hop", "entity", "rows", "inserted", "updated", "deleted", "rejected", "seconds")


def plan(area: AreaName = None, as_json: AsJson = False) -> None:
    """Show what a run would move: windows, rows, deletes, drift. Writes nothing.

    Example: tidemark plan retail
    """
    from tidemark.observe import plan as planner

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
            (
                "entity",
                "from",
                "to (exclusive)",
                "rows",
                "deleted",
                "keys compared by",
                "held back by",
            ),
            (
                (e.entity, e.low, e.high, e.rows, e.deleted, e.compared_by, e.held_by)
                for e in made.entities
            ),
        ),
        _SOURCE.format(made.source),
        *_drift_tables(made),
    )
    for entity in made.entities:
        if entity.items:
            more = [f"and {left:,} more"] if (left := len(entity.items) - _SHOWN) > 0 else []
            shown = "\n  ".join([*entity.items[:_SHOWN], *more])
            typer.echo(f"\n{entity.entity}: to come\n  {shown}")
        if entity.future:
            typer.echo(f"\n{entity.entity}: {in_the_future(entity.future)}")
        for note in entity.notes:
            typer.echo(f"\n{entity.entity}: {note}.")
    for stop in made.stops:
        typer.echo(f"\nA run would stop: {stop}")
    if made.to_stage or made.to_publish:
        typer.echo(f"\nBatches still to stage: {made.to_stage}, to publish: {made.to_publish}.")


def _drift_tables(made: Plan) -> list[Listing]:
    columns = ("entity", "column", "in the source", "in MRR", "a run would")
    rows = [(d.entity, d.column, d.source, d.mirror, d.action) for d in made.drift]
    return [table("Drift", columns, rows)] if rows else []


def run(
    area: AreaName = None,
    *,
    hop: Annotated[
        str | None, typer.Option(help="Run only this hop: extract, stage or publish.")
    ] = None,
    full_refresh: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENTITY",
            help="Extract and cleanse this entity as a whole: ENTITY or AREA.ENTITY. "
            "May be repeated.",
        ),
    ] = None,
    accept_deletes: Annotated[
        bool,
        typer.Option(help="Delete every row that is gone from the source, however many there are."),
    ] = False,
    accept_check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Publish although this check is broken, this time. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run one batch: extract, stage, publish. An unchanged source is no error.

    Example: tidemark run retail
    """
    project = find_project()
    wanted, refreshed = project.scope(area, full_refresh or ())
    hops = HOPS if hop is None else (_hop(hop),)
    overrides = Overrides(
        frozenset(entity.name for entity in refreshed),
        accept_deletes,
        accept_checks=wanted.checks_called(accept_check or ()),
        by=getuser(),
    )
    if (refreshed or accept_deletes) and "extract" not in hops:
        raise UsageError(
            f"run: --full-refresh and --accept-deletes are for the hop extract, not {hops[0]}."
        )
    with open_servers(project) as opened:
        results = run_batch(opened, wanted, hops, overrides)
    if as_json:
        print_json(results)
    else:
        show_batch(wanted.area, results)


def run_batch(
    opened: Servers, area: Area, hops: Sequence[Hop] = HOPS, overrides: Overrides = NO_OVERRIDES
) -> list[HopResult]:
    """Run a batch, or one hop of it, with a progress bar for each hop."""
    from tidemark.batch import pipeline

    results: list[HopResult] = []
    with _telling_warnings(results), progress_bars() as progress:

        def report(result: HopResult) -> None:
            results.append(result)
            progress(result.hop, 1, 1)
            for following in hops[len(results) :][:1]:
                progress(following, 0, 0)

        progress(hops[0], 0, 0)
        if len(hops) == 1:
            report(pipeline.run_hop(opened, area, hops[0], overrides=overrides))
        else:
            pipeline.run(opened, area, overrides=overrides, report=report)
    return results


@contextmanager
def _telling_warnings(results: Sequence[HopResult]) -> Iterator[None]:
    """Show the warnings of hops in the end, also if a later hop fails: but what its error says."""
    said = ""
    try:
        yield
    except TidemarkError as error:
        said = str(error)
        raise
    finally:
        for told in (warning for result in results for warning in result.warnings):
            if told not in said:
                telling.warning(told)


def show_batch(area: str, results: list[HopResult]) -> None:
    """Show what a batch moved, entity by entity, or that there was nothing to move."""
    batch_id = results[0].batch_id
    seconds = sum(result.seconds for result in results)
    if any(result.changed for result in results):
        show(
            table(
                f"Batch {batch_id} of {area}, {seconds:.2f} s",
                _MOVED,
                (
                    (r.hop, name, *c.as_dict().values(), c.seconds)
                    for r in results
                    for name, c in r.entities.items()
                    if c.processed or c.changed
                ),
            )
        )
    else:
        typer.echo(f"{area}: nothing changed (batch {batch_id}, {seconds:.2f} s)")
    for remark in remarks(results):
        typer.echo(f"{area}: {remark}")


def _hop(name: str) -> Hop:
    for hop in HOPS:
        if hop == name:
            return hop
    raise UnknownNameError("hop", name, HOPS)


def status(area: AreaName = None, as_json: AsJson = False) -> None:
    """Show freshness, high-water marks, the last batches and the open rejects.

    Example: tidemark status
    """
    from tidemark.observe import status as reader

    project = find_project()
    with open_servers(project) as opened:
        found = reader.read(opened, project.area(area))
    if as_json:
        print_json(found)
    else:
        status_tables.show_status(found)


def history(
    dimension: Annotated[
        str, typer.Argument(help="ENTITY, AREA.ENTITY or table, such as customers.")
    ],
    key: Annotated[list[str], typer.Argument(help="Its natural key, one value per column.")],
    every_column: Annotated[bool, typer.Option("--all", help="Show every column.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the versions of one natural key, and how many facts point at each.

    Example: tidemark history customers 42
    """
    from tidemark.declare import addresses
    from tidemark.observe import history as reader

    project = find_project()
    area, entity = project.dimension(dimension)
    with open_servers(project) as opened:
        found = reader.read(opened, area, entity, key)
    if not found.versions:
        raise UsageError(f"{found.table}: no version has the key {' '.join(key)}.")
    if as_json:
        print_json(found.records())
    else:
        show(history_table(f"{found.table}, key {' '.join(key)}", found, every_column=every_column))
        if console := addresses.console(project.home):
            typer.echo(f"\n{addresses.key(console, area.area, entity.name, key)}")


def history_table(title: str, found: History, *, every_column: bool = False) -> Listing:
    """Make the table of the versions of one natural key."""
    columns = found.columns if every_column else found.essential
    counts = set(found.counts)
    return table(
        title,
        columns,
        (
            [value if name in counts else _as_stored(value) for name, value in row]
            for row in (zip(columns, version, strict=True) for version in found.only(columns))
        ),
    )


def _as_stored(value: object) -> object:
    """Print a number without separators: it may be a key or a code, which people copy."""
    return str(value) if type(value) is int else value


def rejects(
    area: AreaName = None,
    entity: Annotated[
        str | None, typer.Option(help="Only of this entity: ENTITY or AREA.ENTITY.")
    ] = None,
    *,
    resolved: Annotated[bool, typer.Option(help="Also show resolved rejects.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    retry: Annotated[
        list[str] | None,
        typer.Option(help="Take this file again in a batch: it, or how it is read, was corrected."),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Send corrected events again: one a line, as JSON. -: stdin."
        ),
    ] = None,
    replay_all: Annotated[
        bool,
        typer.Option(
            "--replay-all", help="Send refused events again as they are: the rules were corrected."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the rows that cleansing or MRR refused, with every reason.

    Example: tidemark rejects retail --entity customers
    """
    if sum(map(bool, (retry, replay, replay_all))) > 1:
        raise UsageError("rejects: --retry, --replay and --replay-all exclude each other.")
    if retry:
        _retry(area, retry)
    elif replay or replay_all:
        replaying.run(area, replay, as_json=as_json)
    else:
        _rejects(area, entity, resolved=resolved, limit=limit, as_json=as_json)


def _rejects(
    area: str | None, entity: str | None, *, resolved: bool, limit: int, as_json: bool
) -> None:
    from tidemark.layers import rejects as reader
    from tidemark.observe import status

    project = find_project()
    wanted, named = project.scope(area, [entity] if entity else [])
    only = named[0].name if named else None
    with open_servers(project) as opened, opened.session("stg", "rejects") as stg:
        found: Sequence[Reject] = reader.listing(
            stg, wanted, entity=only, resolved=resolved, limit=limit
        )
        summary = [r for r in status.refused(stg, wanted) if only in (None, r.entity)]
        if wanted.has_inbox:
            found = replaying.with_waiting(
                opened, wanted, found, entity=only, resolved=resolved, limit=limit
            )
    if as_json:
        print_json(found)
    else:
        _show_rejects(found, summary)


def _retry(area: str | None, files: Sequence[str]) -> None:
    """Run a batch that takes files again."""
    project = find_project()
    of_files = [one.area for one in project.areas.values() if one.has_files]
    wanted = project.area(area or (of_files[0] if len(of_files) == 1 else None))
    overrides = Overrides(retry=frozenset(files))
    with open_servers(project) as opened:
        show_batch(wanted.area, run_batch(opened, wanted, overrides=overrides))


def _show_rejects(found: Sequence[Reject], summary: list[Refused]) -> None:
    show(status_tables.rejects_table(summary))
    for reject in found:
        resolved = (
            f", resolved {reject.resolved_at:%Y-%m-%d %H:%M:%SZ}" if reject.resolved_at else ""
        )
        batch = "not in a batch yet" if reject.batch_id is None else f"batch {reject.batch_id}"
        typer.echo(f"\n{reject.entity}: {reject.place} ({batch}{resolved})")
        typer.echo(f"  {'; '.join(reject.reasons)}")
        typer.echo(f"  {reject.row}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, run, status, history, rejects):
        app.command()(command)
