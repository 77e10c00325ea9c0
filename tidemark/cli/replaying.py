"""What `tidemark rejects` does with events: show those that STG does not, and send some again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tidemark.cli.app import find_project, open_servers
from tidemark.cli.output import print_json
from tidemark.errors import UsageError
from tidemark.model import LAYERS

if TYPE_CHECKING:
    from tidemark.declare.config import Area
    from tidemark.declare.project import Project
    from tidemark.layers.rejects import Reject
    from tidemark.postgres.sessions import Servers


def run(area: str | None, file: str | None, *, as_json: bool) -> None:
    """Send the events of a file again; without one, all that are refused."""
    from tidemark.batch import replaying

    project = find_project()
    wanted = _area(project, area)
    with open_servers(project, LAYERS) as opened:
        if file is None:
            done = replaying.everything(opened, wanted)
        else:
            with _lines(file) as lines:
                done = replaying.from_file(opened, wanted, file, lines)
    if as_json:
        print_json(done)
        return
    number = "1 event was" if done.replayed == 1 else f"{done.replayed:,} events were"
    typer.echo(f"{done.area}: {number} sent again, and the next batch takes what was.")
    for one in done.left:
        typer.echo(f"{one.event_id}: is as wrong as before: {'; '.join(one.reasons)}")


def with_waiting(
    servers: Servers,
    area: Area,
    found: Sequence[Reject],
    *,
    entity: str | None,
    resolved: bool,
    limit: int,
) -> Sequence[Reject]:
    """Put rejects that only MRR has before those of STG, and give each its event."""
    from tidemark.batch import replaying
    from tidemark.layers import refused_events

    with servers.session("mrr", "rejects") as mrr:
        waiting = refused_events.waiting(
            mrr, area.area, entity=entity, resolved=resolved, limit=limit
        )
    return replaying.with_events(servers, area, [*waiting, *found][:limit])


def _area(project: Project, name: str | None) -> Area:
    of_events = [one.area for one in project.areas.values() if one.has_inbox]
    wanted = project.area(name or (of_events[0] if len(of_events) == 1 else None))
    if not wanted.has_inbox:
        raise UsageError(
            f"rejects: {wanted.area}: its rows are no events, so none can be sent again. Name an "
            "area with `source: {kind: events}`."
        )
    return wanted


@contextmanager
def _lines(file: str) -> Iterator[Iterable[str]]:
    """Open a file of events."""
    if file == "-":
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8") as opened:
            yield opened
    except UnicodeDecodeError as error:
        raise UsageError(f"rejects: {file} is no UTF-8. Write it anew.") from error
    except OSError as error:
        raise UsageError(f"rejects: {file} can't be read: {error.strerror}.") from error
