"""What holds for the package as a whole."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tidemark
from tests.commands import run
from tests.fix_servers import HOME
from tidemark.declare.extras import EXTRAS

PACKAGE = Path(tidemark.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
STATEMENTS = sorted(PACKAGE.rglob("*.sql"))
SAMPLES = sorted((HOME / "sql").glob("*/sample/*.py"))
PACKAGE_OF = {
    module: canonicalize_name(names[0]) for module, names in packages_distributions().items()
}
OPTIONAL = {
    "app": "service",
    "buckets": "s3",
    "channels": "alerts",
    "describing": "service",
    "lineage": "service",
    "metrics": "service",
    "notify": "alerts",
    "parquetfiles": "parquet",
    "printed": "service",
    "serving": "service",
    "shown": "service",
    "sqs": "sqs",
}
"""Module -> the extra that has what it imports when it is used."""
AREA = re.compile(r"retail|customers?|products?|sales?", re.IGNORECASE)


def literals(module: Path) -> Iterator[str]:
    """Yield the names and the texts of a module, without its docstrings."""
    nodes = list(ast.walk(ast.parse(module.read_text("utf-8"))))
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and node not in docstrings:
            yield str(node.value)
        yield from (str(getattr(node, name, "")) for name in ("id", "attr", "arg", "name"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_code_knows_an_area(module: Path):
    """The help of a command may give an example (`such as customers`)."""
    found = [text for text in literals(module) if AREA.search(text)]
    assert [text for text in found if "such as" not in text] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_module_names_another_one_in_a_text(module: Path):
    """Imports point downwards; a text could point anywhere, and nothing would notice."""
    named = re.compile(rf"\btidemark\.({'|'.join(path.stem for path in PACKAGE.iterdir())})\.")
    assert [text for text in literals(module) if named.search(text)] == []


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_no_statement_knows_an_area(path: Path):
    assert AREA.findall(path.read_text("utf-8")) == []


def imports(module: Path) -> Iterator[str]:
    """Yield the package of every import, wherever in the module it is."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (each.name.partition(".")[0] for each in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0]


def declared(*extras: str) -> set[str]:
    """Name the packages that pyproject.toml asks for."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [each for extra in extras for each in project["optional-dependencies"][extra]]
    return {Requirement(each).name for each in [*project["dependencies"], *texts]}


def undeclared(module: Path, *extras: str) -> set[str]:
    known = {"tidemark", "_typeshed", *sys.stdlib_module_names}
    named = declared(*extras)
    return {name for name in set(imports(module)) - known if PACKAGE_OF[name] not in named}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_what_a_module_imports_is_a_dependency(module: Path):
    extras = [OPTIONAL[module.stem]] if module.stem in OPTIONAL else []
    assert undeclared(module, *extras) == set()


@pytest.mark.parametrize("module", SAMPLES, ids=lambda path: path.stem)
def test_what_a_sample_imports_is_a_dependency_or_in_the_extra(module: Path):
    assert undeclared(module, "demo") == set()


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_an_extra_has_the_package_that_is_said_to_be_in_it(module: str, extra: str):
    assert PACKAGE_OF[module] in declared(extra) - declared()


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements-dev.lock", ["airflow", "demo", "embedded", "parquet", "s3"]),
        ("requirements.lock", ["demo", "embedded"]),
        ("docker/airflow/requirements.lock", ["airflow", "demo", "parquet", "s3"]),
    ],
)
def test_a_lock_has_what_is_asked_for_and_no_other_extra(lock: str, extras: list[str]):
    locked = set(re.findall(r"^([\w-]+)==", (HOME / lock).read_text("utf-8"), re.MULTILINE))
    every = declared("airflow", "demo", "embedded", "parquet", "s3")
    assert locked & every == declared(*extras)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """The package as it is installed elsewhere."""
    folder = tmp_path_factory.mktemp("wheel")
    done = run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder])
    assert done.code == 0, done
    with ZipFile(next(folder.glob("*.whl"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_every_file_of_the_package_and_the_sql_of_the_platform(wheel: ZipFile):
    made = {path for path in PACKAGE.rglob("*") if path.is_file()}
    ours = {path.relative_to(HOME) for path in made if path.suffix != ".pyc"}
    platform = {path for path in (HOME / "sql" / "platform").rglob("*") if path.is_file()}
    ours |= {"tidemark" / path.relative_to(HOME) for path in platform}
    assert {Path(name) for name in wheel.namelist() if ".dist-info/" not in name} == ours


def test_the_types_of_the_package_can_be_checked_where_it_is_installed(wheel: ZipFile):
    """PEP 561: a type checker reads the annotations only beside this file."""
    assert "tidemark/py.typed" in wheel.namelist()


def test_the_package_says_its_license(wheel: ZipFile, metadata: Message):
    (license_file,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
    assert wheel.read(license_file) == (HOME / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_package_says_what_its_readme_says(metadata: Message):
    assert metadata.get_payload() == (HOME / "README.md").read_text("utf-8")
