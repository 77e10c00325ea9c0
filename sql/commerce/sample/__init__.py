"""The sample drops of the commerce area: `tidemark seed` is its function `seed`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tidemark.errors import ConfigError

from . import drops
from .day import next_day
from .first import first_drop

Progress = Callable[[str, int, int], None]
"""Called with what is being written, how much of it is done, and how much there will be."""


def seed(
    folder: Path,
    *,
    random_seed: Annotated[int, typer.Option(help="The same number gives the same rows.")] = 1,
    day: Annotated[
        bool,
        typer.Option("--day", help="Add the drop of the next day; the first, if there is none."),
    ] = False,
    progress: Progress,
) -> dict[str, int]:
    """Write the first drop of the shop's files, or that of the next day.

    The first drop has sixty days of orders. Ids of faulty rows end in X.

    Returns:
        Rows written, by file.

    Raises:
        ConfigError: there are drops already, and no `day` is asked for.
    """
    dates = drops.dates(folder)
    if dates and not day:
        raise ConfigError(
            f"{folder}: there is a drop already ({dates[-1]}), and a second history would "
            "contradict it. Add the next day with `tidemark seed commerce --day`."
        )
    made = next_day(folder, dates[-1], random_seed) if dates else first_drop(random_seed)
    return drops.write(folder, made, progress)
