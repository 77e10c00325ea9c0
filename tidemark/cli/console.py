"""The command about the console: pages over the warehouse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import telling
from tidemark.cli.app import find_project

if TYPE_CHECKING:
    from tidemark.console.exposure import Exposure
    from tidemark.declare.project import Project

PORT = 8081


def console(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The same; 0: any.")] = PORT,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A name under which people reach it. May be repeated."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Serve by TLS: the certificate, and those that signed it."
        ),
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The same: its key.")] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="What is in front of it encrypts, or is this machine."),
    ] = False,
) -> None:
    """Show freshness, batches, rejects and the life of a key in a browser, until a signal ends it.

    Example: tidemark console --port 8081
    """
    from tidemark.api import serving
    from tidemark.console import exposure

    serving.refuse_without_extra("console")
    where = exposure.of(
        host,
        names=name or (),
        certificate=certificate,
        key=key,
        is_behind_proxy=behind_proxy,
    )
    serve(find_project(), where, port)


def serve(project: Project, where: Exposure, port: int) -> None:
    """Serve the console of a project until a signal ends it."""
    from tidemark.api import serving
    from tidemark.console import app
    from tidemark.console.console import Console
    from tidemark.declare import environment
    from tidemark.install import console_login

    dsns = console_login.dsns(project)
    refuses_demo = environment.refuses_demo(project.home, os.environ)
    with telling.speaking(), Console(project.areas, dsns, refuses_demo=refuses_demo) as made:
        built = app.build(made, where.hosts, is_encrypted=where.tls is not None)
        serving.run(built, where.host, port, tls=where.tls, told=_told)


def _told(address: str) -> None:
    typer.echo(
        f"The console is at {address}. Log in with a role of the DWH. Ctrl-C ends it.",
        err=True,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(console)
