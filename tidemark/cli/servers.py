"""Commands about the servers: up, down, dsn, psql, doctor, migrate."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli.app import AsJson, find_project, open_servers
from tidemark.cli.output import print_json
from tidemark.errors import ContractError, UnknownNameError, UsageError, refuse

if TYPE_CHECKING:
    from tidemark.declare.project import Project
    from tidemark.install.migrated import Migrated
    from tidemark.model import ServerName
    from tidemark.postgres.sessions import Servers

_SHOWN = 20
"""Statements that `migrate` shows; --json has all."""


def up(as_json: AsJson = False) -> None:
    """Start the embedded servers that are not running.

    Example: tidemark up
    """
    from tidemark.install import servers
    from tidemark.postgres import driver_errors

    project = find_project()
    if not servers.embedded_names(project):
        raise UsageError("up: TIDEMARK_*_DSN is set, so the servers are yours to start.")
    with open_servers(project) as opened:
        if as_json:
            print_json({k: driver_errors.without_secrets(v, k) for k, v in opened.dsns.items()})
            return
        for server, dsn in opened.dsns.items():
            typer.echo(f"{server:12} {driver_errors.redacted(dsn)}")


def down() -> None:
    """Stop the embedded servers; their data stays in .tidemark/.

    Example: tidemark down
    """
    from tidemark.install import embedded, servers

    stopped = embedded.stop(servers.embedded_folder(find_project()))
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="mrr, stg, dwh, or a source, such as operational.")
]


def dsn(
    server: ServerArgument,
    password: Annotated[bool, typer.Option("--password", help="Print the password too.")] = False,
) -> None:
    """Print the libpq URL of one server; by default without its password.

    Example: tidemark dsn dwh
    """
    from tidemark.postgres import driver_errors

    with open_servers(find_project()) as opened:
        url = _url(opened, server)
        typer.echo(url if password else driver_errors.without_secrets(url, server))


def psql(
    context: typer.Context,
    server: ServerArgument,
    admin: Annotated[
        bool, typer.Option("--admin", help="Keep the login's own rights, not the analysts'.")
    ] = False,
) -> None:
    """Start psql on one server; all other arguments are passed to psql.

    The password is on no command line. Example: tidemark psql dwh -c "table high_water_mark"
    """
    from tidemark.install import psql as client

    with open_servers(find_project()) as opened:
        url = _url(opened, server)
        program = client.program(url, server, *context.args, as_admin=admin, environ=os.environ)
    # Python ignores this signal, and a program that is executed inherits what is ignored.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(program.path, program.words, program.environment)


def _url(servers: Servers, server: ServerName) -> str:
    if server not in servers.dsns:
        raise UnknownNameError("layer or source", server, servers.dsns)
    return servers.dsns[server]


def doctor(as_json: AsJson = False) -> None:
    """Examine connections, versions and privileges, and say how to mend what is missing.

    Ends with 1 when there is a problem. Example: tidemark doctor
    """
    from tidemark.observe import doctor as examiner

    project = find_project()
    with open_servers(project) as opened:
        findings = examiner.examine(project, opened)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(f"{finding.layer:12} {finding.severity:8} {finding.what}")
            if finding.remedy:
                typer.echo(f"{'':12} {'to mend':8} {finding.remedy}")
    if any(finding.severity == "problem" for finding in findings):
        raise typer.Exit(1)


def migrate(
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Also make the sample's tables on a source of your own."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print every statement that it would run, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Apply sql/ to every layer, and make the tables that no file makes.

    Tables of a file are made once, views and routines whenever they change. Example: tidemark
    migrate --dry-run
    """
    from tidemark.batch import agreement
    from tidemark.install import foreign
    from tidemark.install import migrate as migrator
    from tidemark.model import LAYERS

    project, problems = find_project(), list[ContractError]()
    with open_servers(project) as opened:
        # A source of the user's own belongs to an application: nothing is made there unasked.
        sources = (
            project.sources if sample else [s for s in project.sources if s in opened.embedded]
        )
        if sample:
            for source in sources:
                foreign.refuse_migration(project, opened, source)
        applied = migrator.migrate(project, opened, only=(*sources, *LAYERS), dry_run=dry_run)
        _show_migrated(project, applied, dry_run=dry_run, as_json=as_json)
        for area in () if dry_run else project.areas.values():
            found = agreement.problems(opened, area)
            # An application may get its tables later. Until then, what is behind them waits.
            if not any(one.is_missing and one.server == area.source.name for one in found):
                problems += found
        refuse(problems)


def _show_migrated(
    project: Project, applied: Mapping[ServerName, Migrated], *, dry_run: bool, as_json: bool
) -> None:
    from tidemark.install import migrated

    if as_json:
        print_json(applied)
        return
    if dry_run:
        for line in migrated.script(project, applied):
            typer.echo(line)
        return
    for server, done in applied.items():
        for statement in done.mended[:_SHOWN]:
            typer.echo(f"{server:12} mended: {statement}")
        if done.mended[_SHOWN:]:
            typer.echo(f"{server:12} mended: {len(done.mended) - _SHOWN} more of this kind")
        for what in done.waiting:
            typer.echo(f"{server:12} {what}")
        typer.echo(f"{server:12} {_done(done)}")


def _done(done: Migrated) -> str:
    found = [
        f"{len(done.files)} files applied" if done.files else "",
        f"{len(done.made)} statements for what no file makes" if done.made else "",
    ]
    return ", ".join(filter(None, found)) or "up to date"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    # -h is psql's own: the host.
    theirs = {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": ["--help"],
    }
    for command in (up, down, dsn, psql, doctor, migrate):
        app.command(context_settings=theirs if command is psql else None)(command)
