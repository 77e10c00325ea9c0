"""A sample shop made and loaded by the commands, and databases in which nothing was done."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.commands import succeed
from tests.fix_servers import (
    SERVERS,
    TEMPLATE,
    Warehouse,
    database,
    everywhere,
    lay_what_is_not_cloned,
)
from tidemark.model import ServerName

SEED = "seed --customers 200 --products 20 --sales 1000 --dirty 0.05".split()


SEEDED = "tidemark_seeded"
"""A database of each server, to copy."""


@pytest.fixture(scope="session")
def seeds(templates: dict[ServerName, str]) -> Iterator[dict[ServerName, str]]:
    """Name -> libpq URL of its server, which has SEEDED: a sample shop that was made once."""
    with databases(templates, SEEDED, TEMPLATE) as made:
        succeed(*SEED, env=made.environment)
        yield templates


@pytest.fixture(scope="session")
def shop(seeds: dict[ServerName, str]) -> Iterator[Warehouse]:
    """A sample shop after its first batch and that of a business day. Only to be read."""
    with databases(seeds, "tidemark_shop", SEEDED) as made:
        for command in (["run"], ["seed", "retail", "--day"], ["run"]):
            succeed(*command, env=made.environment)
        yield made


@pytest.fixture
def empty(servers: dict[ServerName, str]) -> Iterator[Warehouse]:
    """Four databases in which nothing was done yet."""
    with databases(servers, "tidemark_empty", "template1") as made:
        yield made


@pytest.fixture
def seeded(warehouse: Warehouse, seeds: dict[ServerName, str]) -> Warehouse:
    """A sample shop that no batch has read yet."""
    warehouse.close()
    source = {"operational": seeds["operational"]}
    everywhere(source, "drop database tidemark_test with (force)")
    everywhere(source, f"create database tidemark_test template {SEEDED} strategy file_copy")
    return warehouse


@contextmanager
def databases(servers: Mapping[ServerName, str], name: str, template: str) -> Iterator[Warehouse]:
    everywhere(servers, f"create database {name} template {template} strategy file_copy")
    if template in {TEMPLATE, SEEDED}:
        lay_what_is_not_cloned(servers, name)
    made = Warehouse({layer: database(servers[layer], name) for layer in SERVERS})
    yield made
    made.close()
    everywhere(servers, f"drop database {name} with (force)")
