"""The sample files of the marketing area: `tidemark seed marketing` is its function `seed`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tidemark.errors import ConfigError

from . import drops
from .days import Start, first_days, next_day

Progress = Callable[[str, int, int], None]
"""Called with what is being written, how much of it is done, and how much there will be."""


def seed(
    folder: Path,
    *,
    scale: Annotated[
        int, typer.Option(min=1, help="How many times as many customers and events.")
    ] = 1,
    random_seed: Annotated[int, typer.Option(help="The same number gives the same rows.")] = 1,
    day: Annotated[
        bool,
        typer.Option("--day", help="Add the files of the next day; the first, if there are none."),
    ] = False,
    progress: Progress,
) -> dict[str, int]:
    """Write the files of a website's first seven days, or those of the next day.

    Ids of malformed events end in X, those of late ones in L.

    Returns:
        Rows written, by kind.

    Raises:
        ConfigError: there are files already, and no `day` is asked for.
    """
    dates = drops.dates(folder)
    if dates and not day:
        raise ConfigError(
            f"{folder}: there are files already (up to {dates[-1]}), and a second history would "
            "contradict them. Add the next day with `tidemark seed marketing --day`."
        )
    start = Start(random_seed, scale)
    made = [next_day(start, drops.read(folder, dates[-1]))] if dates else first_days(start)
    return drops.write(folder, made, progress)
