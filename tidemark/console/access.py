"""Who may see what: a person is a login of the DWH, and its roles there say what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tidemark.model import ANALYST_ROLE, LAYERS, MONITOR_ROLE, READER_ROLE, ServerName
from tidemark.postgres import compose
from tidemark.postgres.db import Session

Level = Literal["monitor", "analyst", "owner"]
"""What somebody sees. `monitor`: logs, marks and counts, and no row. `analyst`: the star as well.
`owner`: MRR, STG, rejects and personal columns as well."""

ROLES: Mapping[Level, str] = {
    "owner": READER_ROLE,
    "analyst": ANALYST_ROLE,
    "monitor": MONITOR_ROLE,
}
"""Level -> the role of the DWH whose members have it, the highest first."""

_RANKS: tuple[Level, ...] = (*ROLES,)[::-1]


@dataclass(frozen=True, slots=True)
class Access:
    """A person who has logged in."""

    name: str
    level: Level

    def reaches(self, level: Level) -> bool:
        """Whether it sees what a level sees."""
        return _RANKS.index(self.level) >= _RANKS.index(level)

    @property
    def roles(self) -> dict[ServerName, str]:
        """Layer -> the role with whose rights it reads there: STG and MRR know no analysts."""
        below = READER_ROLE if self.level == "owner" else MONITOR_ROLE
        return {layer: ROLES[self.level] if layer == "dwh" else below for layer in LAYERS}


def find(dwh: Session, name: str) -> Access | None:
    """Return what a login of the DWH may see; None: it is gone, may not log in, or sees nothing."""
    which = {"name": name, "roles": [*ROLES.values()]}
    roles = {role for (role,) in dwh.rows(compose.statement(__name__, "roles"), which)}
    return next((Access(name, level) for level, role in ROLES.items() if role in roles), None)
