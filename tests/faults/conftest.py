"""The tests of this folder run on servers that they may crash, and not on the session's."""

import pytest

from tests.fix_machines import Machines
from tidemark.model import ServerName


@pytest.fixture(scope="session")
def templates(machines: Machines) -> dict[ServerName, str]:
    """Name -> libpq URL of its server, which has a migrated TEMPLATE."""
    return machines.urls
