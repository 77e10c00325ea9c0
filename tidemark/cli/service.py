"""Commands about the service for applications: serve, keys."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidemark.cli import telling
from tidemark.cli.app import HELP_OPTIONS, AsJson, find_project, open_servers
from tidemark.cli.output import print_json, show, table
from tidemark.model import LAYERS

keys = typer.Typer(
    help="Make, list and revoke the keys with which applications call the service.\n\n"
    "Example: tidemark keys create shop --scope 'assets.*'",
    context_settings=HELP_OPTIONS,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called.")]


@keys.command()
def create(
    name: Name,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            help="What it may: post events (AREA.KIND, AREA.* or *), read answers (read:AREA or "
            "read:*). May be repeated.",
        ),
    ] = None,
) -> None:
    """Make a key, and print it: once, since only its SHA-256 is kept.

    Example: tidemark keys create shop --scope 'assets.*' --scope read:assets
    """
    from tidemark.api import keys as store

    project = find_project()
    with open_servers(project, LAYERS) as opened, opened.session("mrr", "keys") as mrr:
        typer.echo(store.create(mrr, name, scope or (), project.areas.values()))


@keys.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys that were made, those that are revoked as well.

    Example: tidemark keys list
    """
    from tidemark.api import keys as store

    with open_servers(find_project(), LAYERS) as opened, opened.session("mrr", "keys") as mrr:
        found = store.every(mrr)
    if as_json:
        print_json(found)
        return
    rows = [(one.name, ", ".join(one.scopes), one.created_at, one.revoked_at) for one in found]
    show(table("Keys", ("name", "scopes", "created at", "revoked at"), rows))


@keys.command()
def revoke(name: Name) -> None:
    """Revoke a key: the next request with it gets 401.

    Example: tidemark keys revoke shop
    """
    from tidemark.api import keys as store

    with open_servers(find_project(), LAYERS) as opened, opened.session("mrr", "keys") as mrr:
        store.revoke(mrr, name)
    typer.echo(f"revoked: {name}")


def serve(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The same; 0: any.")] = 8000,
    no_worker: Annotated[
        bool,
        typer.Option("--no-worker", help="Only take events; another `tidemark work` loads them."),
    ] = False,
    rate: Annotated[
        float, typer.Option(min=0, metavar="N", help="Requests a second of one key; 0: any number.")
    ] = 1000,
    largest: Annotated[
        int, typer.Option("--max-bytes", min=1, metavar="N", help="The largest body.")
    ] = 1 << 20,
) -> None:
    """Take events of applications by HTTP, and answer from the star, until a signal ends it.

    Example: tidemark serve --port 8000
    """
    from tidemark.api import app, serving
    from tidemark.api.service import Service, Settings
    from tidemark.batch.worker import Worker
    from tidemark.install import servers

    serving.refuse_without_extra("serve")
    # The worker's thread waits for servers again and again, and should go on at once behind each.
    sys.setswitchinterval(0.0005)
    project = find_project()
    # No statement is cancelled by a signal here: requests in flight end with their answers.
    with servers.explaining(project), servers.resolve(project, LAYERS) as opened:
        settings = Settings(rate=rate, largest=largest)
        areas = [*project.areas.values()]
        fed = [area for area in areas if area.has_inbox]
        worker = None if no_worker or not fed else Worker(opened, fed)
        with telling.speaking(), Service(areas, opened.dsns, settings, worker=worker) as service:
            serving.run(app.build(service), host, port, told=_serving)


def _serving(address: str) -> None:
    typer.echo(f"Serving at {address}; {address}/docs describes it. Ctrl-C ends it.", err=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.add_typer(keys, name="keys")
