"""The command about alerts: what stands, and whether the channels can be reached."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemark.cli.app import AsJson, alert_channels, find_project, open_servers
from tidemark.cli.output import print_json, show, table
from tidemark.errors import ConfigError, MonitorError


def alert(
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to each channel, and say who took it.")
    ] = False,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Send the messages that are due.", hidden=True)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the alerts that stand now, and what channels did not take.

    The channels are the URLs of TIDEMARK_ALERT_URLS. Example: tidemark alert --test
    """
    if deliver:
        _deliver()
    elif test:
        _test()
    else:
        _show(as_json=as_json)


def _deliver() -> None:
    from tidemark.batch import notify
    from tidemark.install import servers

    project = find_project()
    found = servers.running(project)
    channels = found.channels if found else alert_channels(project)
    if channels is None:
        return
    if found is None:
        notify.deliver(None, channels)
        return
    with found:
        notify.deliver(found, channels)


def _test() -> None:
    from tidemark.declare import channels as known

    channels = alert_channels(find_project())
    if channels is None:
        raise ConfigError(
            f"environment: {known.VARIABLE} is not set, so there is no channel. Set it as "
            "docs/alerts.md says, in the environment or in .env."
        )
    refused = 0
    body = "This is a test. Alerts of Tidemark come here."
    for place, url in enumerate(channels.urls, 1):
        channel = known.opened(url, place)
        is_taken = known.send(channel, "Tidemark: test", body, is_over=True)
        refused += not is_taken
        typer.echo(f"{known.name(channel)}: {'took it' if is_taken else 'did not take it'}")
    if refused:
        raise MonitorError(
            f"{refused} of {len(channels.urls)} channels did not take the message. Correct the "
            "URL, or what is behind it."
        )


def _show(*, as_json: bool) -> None:
    from tidemark.batch import notify
    from tidemark.declare import channels as known

    project = find_project()
    with open_servers(project) as opened:
        with opened.session("dwh", "alert") as dwh:
            standing, untold = notify.standing(dwh), notify.untold(dwh)
        urls = opened.channels.urls if opened.channels else ()
    names = [known.name(known.opened(url, place)) for place, url in enumerate(urls, 1)]
    if as_json:
        print_json({"channels": names, "alerts": standing, "untold": untold})
        return
    typer.echo(f"Channels: {', '.join(names) or 'none'}")
    columns = ("area", "event", "of", "since", "what")
    rows = [(one.area, one.event, one.subject, one.began_at, one.what) for one in standing]
    show(table("Alerts", columns, rows))
    for one in untold:
        typer.echo(f"\n{one}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(alert)
