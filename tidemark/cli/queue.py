"""The command for applications that post by a queue: consume."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import telling
from tidemark.cli.app import AsJson, find_project
from tidemark.cli.output import print_json, show, table
from tidemark.errors import ConfigError, UsageError
from tidemark.model import LAYERS

if TYPE_CHECKING:
    from tidemark.batch.consuming import Manner
    from tidemark.declare.envelope import Reader
    from tidemark.declare.project import Project


def consume(
    url: Annotated[
        str,
        typer.Argument(
            metavar="QUEUE", help="sqs://QUEUE, sqs://ACCOUNT/QUEUE, or the queue's own URL."
        ),
    ],
    *,
    area: Annotated[
        str | None,
        typer.Option(help="The area of events that name none; by default the kind says it."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=1000, help="The most messages that one commit takes.")
    ] = 100,
    wait: Annotated[
        int, typer.Option(min=0, max=20, help="Seconds that a receive waits for a message.")
    ] = 20,
    visibility: Annotated[
        int,
        typer.Option(
            min=2, max=3600, help="Seconds for which a message in hand is hidden, again and again."
        ),
    ] = 60,
    once: Annotated[bool, typer.Option("--once", help="End behind one batch.")] = False,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when no message has come.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take events out of a queue of Amazon SQS into the inbox, each once, until a signal.

    Example: tidemark consume sqs://orders
    """
    from tidemark.batch.consuming import Manner

    if once and until_empty:
        raise UsageError("consume: --once and --until-empty exclude each other.")
    manner = Manner(batch_size, wait, visibility)
    if once or until_empty:
        manner = replace(manner, until="once" if once else "empty")
    _consume(url, area, manner, as_json=as_json)


def _consume(url: str, area: str | None, manner: Manner, *, as_json: bool) -> None:
    from tidemark.batch.consuming import Consumer
    from tidemark.batch.sqs import Queue
    from tidemark.batch.stopping import Stopping
    from tidemark.install import servers

    project = find_project()
    reader = _reader(project, area)
    queue = Queue(url, longest_wait=manner.wait)
    stopping = Stopping()
    with (
        servers.explaining(project),
        servers.resolve(project, LAYERS) as opened,
        stopping.watching(),
        telling.speaking(),
    ):
        done = Consumer(opened, reader, queue, manner, stopping).run()
    if as_json:
        print_json(done)
        return
    columns = ("messages", "deleted", "stored", "repeated", "refused")
    row = (done.messages, done.deleted, done.stored, done.repeated, done.refused)
    show(table(f"From {done.queue}", columns, [row]))


def _reader(project: Project, name: str | None) -> Reader:
    """Return what reads the events of the project's areas that take some."""
    from tidemark.declare.envelope import Reader

    taking = [one for one in project.areas.values() if one.has_inbox]
    if not taking:
        raise ConfigError("consume: no area takes events. Give one `source: {kind: events}`.")
    default = project.area(name) if name else taking[0]
    if not default.has_inbox:
        raise UsageError(f"consume: --area {default.area}: its source is no inbox.")
    return Reader(taking, default.area)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(consume)
