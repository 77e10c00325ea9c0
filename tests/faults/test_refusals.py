"""A server that refuses its service: the error says so, nothing is half-written, all recovers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fix_faults import WAREHOUSE, stored
from tests.fix_machines import Machines
from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import administer, database
from tidemark.errors import ConnectError, StatementError, TidemarkError
from tidemark.model import ServerName

Errors = type[TidemarkError] | tuple[type[TidemarkError], ...]
RECEIVERS = pytest.mark.parametrize("layer", WAREHOUSE)
LOADER = """
    create role loader login password 'secret' connection limit 1;
    grant tidemark_etl to loader;
"""
READ_ONLY = r"cannot execute [\w() ]+ in a read-only transaction\. Let TIDEMARK_"


@pytest.fixture
def shop(retail: Retail, undisturbed: Retail) -> Retail:
    """The shop after its first batch, with changes that are not extracted yet."""
    retail.run()
    undisturbed.run()
    retail.change("customers", 1, city="Lyon")
    retail.add("products", 3)
    for sale in range(100, 400):
        retail.add("sales", sale, product_id=3)
    for each in (retail, undisturbed):
        each.servers.close()
        each.warehouse.close()
    return retail


@pytest.mark.further(but=["mrr"])
@RECEIVERS
def test_a_server_in_recovery_is_named(
    shop: Retail, undisturbed: Retail, layer: ServerName, machines: Machines
):
    with in_recovery(shop, layer, machines):
        refused(shop, layer, StatementError, READ_ONLY)
    assert_recovered(shop, undisturbed)


@pytest.mark.further(but=["stg"])
@RECEIVERS
def test_a_server_without_a_connection_left_is_named(
    shop: Retail, undisturbed: Retail, layer: ServerName
):
    with limited(shop, layer):
        refused(shop, layer, ConnectError, ".* as loader: the server has no connection left: ")
    assert_recovered(shop, undisturbed)


@pytest.mark.further(but=["dwh"])
@RECEIVERS
def test_a_server_whose_disk_is_full_is_named(
    shop: Retail, undisturbed: Retail, layer: ServerName, small_disk: Path
):
    before = stored(shop.warehouse, layer, "public", "tidemark")
    with full(shop, layer, small_disk):
        # A new session may be refused too: it may have to write a file of what the catalog says.
        fails(shop, layer, (StatementError, ConnectError), ".*: No space left on device")
    assert stored(shop.warehouse, layer, "public", "tidemark") == before
    assert_recovered(shop, undisturbed)


def refused(shop: Retail, layer: ServerName, error: Errors, message: str) -> None:
    """Run in vain, and find the layer as it was."""
    before = stored(shop.warehouse, layer, "public", "tidemark")
    fails(shop, layer, error, message)
    assert stored(shop.warehouse, layer, "public", "tidemark") == before


def fails(shop: Retail, layer: ServerName, error: Errors, message: str) -> None:
    with pytest.raises(error, match=f"^{layer}: {message}"):
        shop.run()
    shop.servers.close()


def assert_recovered(shop: Retail, undisturbed: Retail) -> None:
    shop.run()
    undisturbed.run()
    assert shop.contents() == undisturbed.contents()


@contextmanager
def in_recovery(shop: Retail, layer: ServerName, machines: Machines) -> Iterator[None]:
    """Let a server be a standby for the block, whose primary says nothing."""
    shop.warehouse.close()
    machines.stop(layer)
    (machines.cluster(layer) / "standby.signal").touch()
    machines.start(layer)
    yield
    shop.warehouse.rows(layer, "select pg_promote()")


@contextmanager
def limited(shop: Retail, layer: ServerName) -> Iterator[None]:
    """Log in as someone who may have one connection."""
    dsn = shop.servers.dsns[layer]
    shop.warehouse.execute(layer, LOADER)
    parts = urlsplit(dsn)
    shop.servers.dsns[layer] = parts._replace(
        netloc=f"loader:secret@{parts.hostname}:{parts.port}"
    ).geturl()
    yield
    shop.servers.dsns[layer] = dsn
    shop.warehouse.execute(layer, "drop role loader")


@contextmanager
def full(shop: Retail, layer: ServerName, disk: Path) -> Iterator[None]:
    """Move a layer to a small disk on which there is no room left."""
    _administer(shop, layer, f"create tablespace small location '{disk / 'tablespace'}'")
    _administer(shop, layer, "alter database tidemark_test set tablespace small")
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(8192)):
            pass
    try:
        yield
    finally:
        ballast.unlink()
        _administer(shop, layer, "alter database tidemark_test set tablespace pg_default")
        _administer(shop, layer, "drop tablespace small")


@pytest.fixture
def small_disk(machines: Machines) -> Iterator[Path]:
    """A disk of 64 MB with a folder for a tablespace."""
    disk, owner = machines.folder / "disk", machines.cluster("mrr").stat()
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=711", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, timeout=PATIENCE, check=False).returncode:
        disk.rmdir()
        pytest.skip("only root may mount a small disk")
    (disk / "tablespace").mkdir(mode=0o700)
    os.chown(disk / "tablespace", owner.st_uid, owner.st_gid)
    yield disk
    subprocess.run(["umount", disk], timeout=PATIENCE, check=True)
    disk.rmdir()


def _administer(shop: Retail, layer: ServerName, statement: str) -> None:
    """Run a statement for which nobody else may be connected to the layer's database."""
    shop.warehouse.close()
    administer(database(shop.warehouse.dsn[layer], "postgres"), statement)
