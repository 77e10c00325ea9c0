"""The sample files of the events area: `tidemark seed events` is its function `seed`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from tidemark.errors import ConfigError

from . import files
from .days import FIRST_DAYS, Start, make

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
    """Write the files of a shop's first seven days, or those of the next day.

    Ids of events end in C (corrected), D (twice in a file), F (in the future), L (late), R (again
    the next day) or X (malformed), those of orders in I (an item goes), O (states out of order), T
    (a product twice) or X, those of customers in E (another e-mail) or M (another country).

    Returns:
        Files and lines written.

    Raises:
        ConfigError: there are files already, and no `day` is asked for.
    """
    last = files.last_day(folder)
    if last and not day:
        raise ConfigError(
            f"{folder}: there are files already (up to {last}), and a second history would "
            "contradict them. Add the next day with `tidemark seed events --day`."
        )
    start = Start(random_seed, scale)
    if last is None:
        return files.write(folder, make(start, FIRST_DAYS, {}), progress, days=len(FIRST_DAYS))
    made = make(start, [last + timedelta(days=1)], files.orders(folder, last))
    return files.write(folder, made, progress, days=1)
