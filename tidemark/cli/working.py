"""The command that takes events as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import telling
from tidemark.cli.app import find_project
from tidemark.errors import UsageError
from tidemark.model import LAYERS

if TYPE_CHECKING:
    from tidemark.declare.config import Area
    from tidemark.declare.project import Project
    from tidemark.results import BatchResult


def work(
    areas: Annotated[
        list[str] | None,
        typer.Argument(metavar="[AREA]…", help="Areas; by default all whose source is events."),
    ] = None,
) -> None:
    """Take events as they come, in batches of what has come, until it is told to stop.

    Ctrl-C or SIGTERM lets it take what has come so far; a second one ends it at once.
    Example: tidemark work
    """
    from tidemark.batch.stopping import Stopping
    from tidemark.batch.worker import Worker
    from tidemark.install import servers

    project = find_project()
    wanted, stopping = posted_areas(project, areas or ()), Stopping()
    with (
        servers.explaining(project),
        servers.resolve(project, LAYERS) as opened,
        stopping.watching(),
        telling.speaking(),
    ):
        worker = Worker(opened, wanted, report=_told)
        worker.start()
        typer.echo(f"works on {', '.join(one.area for one in wanted)}", err=True)
        stopping.asked.wait()
        worker.stop()


def posted_areas(project: Project, names: list[str] | tuple[str, ...]) -> list[Area]:
    """Return the areas with an inbox, all or those of a name.

    Raises:
        UsageError: one has none, or there is none at all.
        UnknownNameError: there is no area of a name.
    """
    found = [project.area(name) for name in names] or [*project.areas.values()]
    for one in found if names else ():
        if not one.has_inbox:
            raise UsageError(
                f"work: {one.area} has no events; its source is {one.source.name}. "
                f"Take it by `tidemark run {one.area}`."
            )
    taken = [one for one in found if one.has_inbox]
    if not taken:
        raise UsageError(
            "work: no area takes events. Declare one with `source: {kind: events}` in "
            "sql/<area>/area.yml."
        )
    return taken


def _told(done: BatchResult) -> None:
    rows = {hop.hop: sum(one.processed for one in hop.entities.values()) for hop in done.hops}
    typer.echo(
        f"{done.area}: batch {done.batch_id}: {rows['extract']:,} events, "
        f"{sum(hop.seconds for hop in done.hops):.2f} s",
        err=True,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(work)
