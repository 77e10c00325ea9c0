"""An area of files in a project of its own, at which the commands of a page are typed."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.commands import Done, process, tidemark
from tests.fix_servers import HOME, Warehouse, new_databases
from tidemark.model import LAYERS, ServerName


@dataclass
class Typist:
    """Types commands at an area, and keeps what they said."""

    warehouse: Warehouse
    home: Path
    said: list[Done] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    """The inventory after the first load."""

    @property
    def environment(self) -> dict[str, str]:
        return {**self.warehouse.environment, "TIDEMARK_HOME": str(self.home)}

    def type(self, command: str) -> Done:
        _, *words = shlex.split(command)
        # psql takes the place of its process.
        call = process if words[0] == "psql" else tidemark
        return call(*words, env=self.environment)

    def type_all(
        self,
        commands: Iterable[str],
        *,
        verified: str,
        inventory: Iterable[Sequence[str]],
        surrogates: Mapping[str, str],
    ) -> None:
        """Type commands, and count the inventory behind the one that verifies.

        Args:
            commands: what is typed.
            verified: the command behind which rows are counted.
            inventory: rows of the page's table: layer and table, in backticks.
            surrogates: table -> its surrogate key, whose unknown member does not count.
        """
        for command in commands:
            self.said.append(self.type(command))
            if command == verified:
                for layer, name, *_ in ([cell.strip("`") for cell in row] for row in inventory):
                    rows = f"select count(*) from {name} where {surrogates.get(name, '1')} <> 0"
                    [(self.counted[name],)] = self.warehouse.rows(layer.lower(), rows)

    def dwh(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("dwh", query)


@contextmanager
def at_area(platforms: dict[ServerName, str], home: Path, area: str) -> Iterator[Typist]:
    """Lend a typist at an area of the checkout, of which nothing is migrated."""
    (home / "sql").mkdir()
    (home / "sql" / "platform").symlink_to(HOME / "sql" / "platform")
    shutil.copytree(HOME / "sql" / area, home / "sql" / area)
    layers: dict[ServerName, str] = {layer: platforms[layer] for layer in LAYERS}
    with new_databases(layers, area) as databases:
        made = Typist(Warehouse(databases), home)
        yield made
        made.warehouse.close()
