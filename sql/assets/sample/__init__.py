"""The sample events of the area of assets: `tidemark seed assets` is its function `seed`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import typer

from tidemark.errors import ConfigError
from tidemark.install.posting import Inbox

from . import days

Progress = Callable[[str, int, int], None]
"""Called with what is being posted, how much of it is done, and how much there will be."""


def seed(
    inbox: Inbox,
    *,
    scale: Annotated[
        int, typer.Option(min=1, help="How many times as many assets, users and events.")
    ] = 1,
    random_seed: Annotated[int, typer.Option(help="The same number gives the same rows.")] = 1,
    day: Annotated[
        bool,
        typer.Option("--day", help="Post the events of the next day; the first, if there is none."),
    ] = False,
    progress: Progress,
) -> dict[str, int]:
    """Post the events of an asset bank's first seven days, or those of the next day.

    Ids of events end in B (bought before its upload comes), D (comes twice), F (in the future), L
    (comes a day late) or R (uploaded again).

    Returns:
        Events posted, and those of them that had come before.

    Raises:
        ConfigError: there are events already, and no `day` is asked for.
    """
    last = days.last(inbox.greatest_id(days.PREFIX))
    if last and not day:
        raise ConfigError(
            f"seed: the inbox has events of the sample already (up to {last}), and a second "
            "history would contradict them. Add the next day with `tidemark seed assets --day`."
        )
    dates = [last + timedelta(days=1)] if last else list(days.FIRST_DAYS)
    totals = {"events": 0, "events repeated": 0}
    for number, on in enumerate(dates, 1):
        outcomes = inbox.post(days.make(days.Start(random_seed, scale), on))
        totals["events"] += len(outcomes)
        totals["events repeated"] += outcomes.count("repeated")
        progress("days", number, len(dates))
    return totals
