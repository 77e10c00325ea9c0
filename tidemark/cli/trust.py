"""Commands that prove what the layers hold, and mend it: verify, rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli.app import AreaName, AsJson, find_project, open_servers
from tidemark.cli.batches import run_batch, show_batch
from tidemark.cli.output import print_json, progress_bars, show, table
from tidemark.errors import UnknownNameError, UsageError
from tidemark.model import LAYERS, Layer, Overrides

if TYPE_CHECKING:
    from tidemark.declare.config import Area
    from tidemark.layers.ledger import Lost
    from tidemark.postgres.sessions import Servers
    from tidemark.trust.compare import Changes
    from tidemark.trust.verification import Checked, Verification


def verify(
    area: AreaName = None,
    repair: Annotated[
        bool, typer.Option(help="Send the keys that differ through the hops again, as a batch.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="How many keys to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Prove that all layers are equal, and name the keys and columns that are not.

    Ends with 1 if layers differ; with --repair, if they still differ after it. Writes nothing
    without --repair. Example: tidemark verify retail
    """
    from tidemark.batch import notify

    project = find_project()
    wanted = project.area(area)
    with open_servers(project) as opened:
        found = _verified(opened, wanted)
        if repair and not found.is_equal:
            done = run_batch(opened, wanted, overrides=Overrides(repair=found.repair()))
            if not as_json:
                _show(found, limit)
                show_batch(wanted.area, done)
            found = _verified(opened, wanted)
        notify.differences(opened, wanted, _told(found))
    if as_json:
        print_json(found)
    else:
        _show(found, limit)
    if not found.is_equal:
        raise typer.Exit(1)


def _told(found: Verification) -> str:
    """Say where differences are, and of no key; '' where there are none."""
    if found.is_equal:
        return ""
    counts = [
        f"{' and '.join(found.sides(check))} differ in {len(check.compared.differences):,} "
        f"keys of {check.entity}"
        for check in found.checks
        if check.compared.differences
    ]
    if found.audits:
        counts.append(f"{len(found.audits)} timelines of the star are broken")
    return f"{'; '.join(counts)}."


def _verified(opened: Servers, area: Area) -> Verification:
    from tidemark.trust import verify as verifier

    done = 0
    with progress_bars() as progress:
        rows = len(area.sourced.entities) + len(area.entities)
        total = rows + len(area.dimensions) + len(area.facts)
        progress("verify", 0, total)

        def report(_: Checked) -> None:
            nonlocal done
            done += 1
            progress("verify", done, total)

        return verifier.run(opened, area, report=report)


def _show(found: Verification, limit: int) -> None:
    show(
        table(
            f"Layers of {found.area}",
            ("layers", "entity", "rows", "rows behind", "pending", "excused", "differences"),
            (
                (
                    " = ".join(found.sides(check)),
                    check.entity,
                    check.compared.sent,
                    check.compared.kept,
                    check.compared.pending,
                    check.compared.excused,
                    len(check.compared.differences),
                )
                for check in found.checks
            ),
        )
    )
    named = list(found.lines())
    for line in named[:limit]:
        typer.echo(line)
    for audit in found.audits:
        keys = "; ".join(", ".join(key) for key in audit.keys[:limit])
        typer.echo(f"{audit.table}: {audit.what}: {len(audit.keys):,} rows ({keys})")
    if len(named) > limit:
        typer.echo(f"… and {len(named) - limit:,} more")
    for note in found.notes:
        typer.echo(f"note: {note}")
    typer.echo("equal" if found.is_equal else "different")


def rebuild(
    area: AreaName = None,
    *,
    entity: Annotated[
        str | None,
        typer.Option(
            help="Only this entity, and the facts that point at it: ENTITY or AREA.ENTITY."
        ),
    ] = None,
    origin: Annotated[
        str, typer.Option("--from", help="The first layer to derive again: stg or dwh.")
    ] = "stg",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    accept_lost_history: Annotated[
        bool, typer.Option(help="Remove versions that the layer before no longer has.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Derive STG and the DWH again from everything that MRR has seen, keeping surrogate keys.

    Example: tidemark rebuild retail --dry-run
    """
    from tidemark.layers.rulesets import Others
    from tidemark.trust import rebuild as rebuilder

    project = find_project()
    wanted, named = project.scope(area, [entity] if entity else [])
    if origin not in rebuilder.ORIGINS:
        raise UnknownNameError("layer to rebuild from", origin, rebuilder.ORIGINS)
    told: list[Lost | Others] = []
    with open_servers(project) as opened, progress_bars() as progress:
        progress("rebuild", 0, 0)
        changes = rebuilder.run(
            opened,
            wanted,
            entity=named[0].name if named else None,
            origin=rebuilder.ORIGINS[origin],
            dry_run=dry_run,
            accept_lost_history=accept_lost_history,
            tell=told.append,
        )
    for one in told:
        what = "note" if isinstance(one, Others) else "would be lost" if dry_run else "lost"
        typer.echo(f"{what}: {one}", err=as_json)
    if as_json:
        print_json(changes)
    else:
        title = "What a rebuild would change" if dry_run else "Rebuilt"
        _show_changes(f"{title} of {wanted.area}", changes)


def _show_changes(title: str, changes: Sequence[Changes]) -> None:
    rows = ((c.layer, c.table, c.added, c.changed, c.removed) for c in changes)
    show(table(title, ("layer", "table", "added", "changed", "removed"), rows))


def reset(
    area: Annotated[str, typer.Argument(metavar="AREA", help="The area to take out.")],
    layers: Annotated[
        str, typer.Option(metavar="LAYERS", help="Only these, such as stg,dwh; all without it.")
    ] = "",
    yes: Annotated[
        str, typer.Option(metavar="NAME", help="The area's name, in place of the question.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Drop an area's tables, positions and marks, so that it can begin anew.

    Shows what goes, and asks for the area's name. Example: tidemark reset billing --layers stg,dwh
    """
    from tidemark.install import reset as resetter

    project = find_project()
    wanted = project.area(area)
    chosen = resetter.behind([_layer(one) for one in layers.split(",") if one])
    with open_servers(project) as opened:
        for layer in chosen:
            found = resetter.find(opened, project, wanted, layer)
            typer.echo(f"{layer:12} {len(found)} objects go", err=as_json)
            for one in found:
                typer.echo(f"{'':12} {one.word} {one.name}", err=as_json)
        given = yes or typer.prompt(f"Type {wanted.area} to drop them", err=as_json)
        if given != wanted.area:
            raise UsageError(f"reset: {given!r} is not {wanted.area!r}. Nothing was dropped.")
        gone = resetter.run(opened, project, wanted, chosen)
    if as_json:
        print_json(gone)
    else:
        typer.echo(f"{wanted.area}: reset. `tidemark migrate` makes its tables again.")


def _layer(name: str) -> Layer:
    for layer in LAYERS:
        if layer == name.strip():
            return layer
    raise UnknownNameError("layer", name, LAYERS)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(verify)
    app.command()(rebuild)
    app.command()(reset)
