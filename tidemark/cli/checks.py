"""Commands that say whether all is well: check, monitor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli.app import AreaName, AsJson, alert_channels, find_project, open_servers
from tidemark.cli.output import print_json, show, table
from tidemark.errors import GateError

if TYPE_CHECKING:
    from tidemark.model import CheckResult
    from tidemark.trust.check import Shown


def check(
    area: AreaName = None,
    *,
    show_queries: Annotated[
        bool, typer.Option("--show", help="Show the query of each check, and run nothing.")
    ] = False,
    sample: Annotated[
        int, typer.Option(min=0, help="How many keys to show of rows that break a check.")
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Run the checks on what the layers hold now. Writes nothing.

    Looks at all areas unless one is named. Ends with 8 if a check that says `fail` is broken.
    Example: tidemark check retail
    """
    from tidemark.trust import check as checker

    project = find_project()
    areas = [project.area(area)] if area else list(project.areas.values())
    with open_servers(project) as opened:
        if show_queries:
            shown = {one.area: checker.show(opened, one) for one in areas}
        else:
            found = {one.area: checker.run(opened, one, few=sample) for one in areas}
    if show_queries:
        _show_queries(shown, as_json=as_json)
        return
    if as_json:
        print_json(found)
    else:
        for name, results in found.items():
            _show(name, results)
    if any(result.is_open for results in found.values() for result in results):
        raise typer.Exit(GateError.exit_code)


def _show_queries(shown: dict[str, list[Shown]], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    for name, queries in shown.items():
        for one in queries:
            typer.echo(f"-- {name}: {one.check} ({one.severity}, on {one.layer})")
            typer.echo(f"{one.query};\n")


def _show(name: str, results: list[CheckResult]) -> None:
    show(
        table(
            f"Checks of {name}",
            ("check", "on", "severity", "status", "value", "bound"),
            ((r.check, r.layer, r.severity, r.status, _number(r), r.bound) for r in results),
        )
    )
    for result in results:
        if result.is_broken:
            typer.echo(f"\n{name}: {result}")
            for key in result.sample:
                typer.echo(f"  {json.dumps(key, ensure_ascii=False)}")


def _number(result: CheckResult) -> str:
    return "" if result.value is None else f"{result.value.normalize():f}"


def monitor(area: AreaName = None, as_json: AsJson = False) -> None:
    """Examine the last batches: did they fail, come late, or break checks?

    Looks at all areas unless one is named. Ends with 10 if an area has such a problem. Tells the
    channels of TIDEMARK_ALERT_URLS what has begun or ended.
    Example: tidemark monitor retail
    """
    from tidemark.observe import monitor as watcher

    project = find_project()
    areas = [project.area(area)] if area else list(project.areas.values())
    if alert_channels(project):
        with open_servers(project) as opened:
            watcher.tell(opened, areas)
    with open_servers(project, is_watching=True) as opened:
        watched = [watcher.look(opened, one) for one in areas]
        begun = {one.area for one in areas if watcher.has_ended(opened, one)}
    if as_json:
        print_json(watched)
    for one in watched:
        if not one.problems and not as_json:
            said = (
                "the last batch is good and in time" if one.area in begun else "no batch has ended"
            )
            typer.echo(f"{one.area}: {said}")
    watcher.check(watched)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(monitor)
    app.command()(check)
