"""What a process that runs a hop has loaded when it is forked: see `fix_faults.killed`."""

from pathlib import Path

import tests.fix_faults
import tidemark.sources.files
import tidemark.sources.postgres
from tidemark.postgres import compose, sqlfiles

PACKAGE = Path(tidemark.__file__).parent

for file in PACKAGE.rglob("*.sql"):
    module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    for text in sqlfiles.statements(module).values():
        compose.placeholders(text)

__all__ = ["tests", "tidemark"]
