"""`tidemark seed` that does not come to its end: one line, an exit code, and no value of a row."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Done, process, tidemark
from tests.fix_servers import HOME, Warehouse

SEEDER = """import os, signal
import sqlalchemy as sa

def seed(engine, *, customers: int = 1, progress):
    with engine.begin() as connection:
        def run(statement, **values):
            connection.execute(sa.text(statement), values)
        run("insert into customers (customer_id, name) values (:id, :name)", id=1, name="Jane Doe")
        {body}
    return {{"customers": customers}}
"""
CLASH = 'run("insert into customers (customer_id, name) values (:i, :n)", i=1, n="Jane Doe")'
SLEEP = "run('select pg_sleep(60)')"
COPY = """
        with connection.connection.cursor() as cursor:
            import io
            cursor.copy_expert("copy customers (customer_id) from stdin", io.StringIO("Jane Doe"))
"""
END = "pg_terminate_backend(pg_backend_pid())"
HERE = "Correct sql/retail/sample, which made the row"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose retail area has no seeder yet."""
    without = shutil.ignore_patterns("__pycache__", "sample")
    shutil.copytree(HOME / "sql", tmp_path / "sql", ignore=without)
    return tmp_path


def environment(project: Path, warehouse: Warehouse) -> dict[str, str]:
    return {**warehouse.environment, "TIDEMARK_HOME": str(project)}


def write(project: Path, text: str) -> None:
    (project / "sql" / "retail" / "sample").mkdir()
    (project / "sql" / "retail" / "sample" / "__init__.py").write_text(text, "utf-8")


def failed(done: Done, code: int) -> str:
    """Return what a command that failed said, in one line."""
    assert (done.code, done.out) == (code, ""), done
    said = re.fullmatch(r"error: (.*)\n", done.err)
    assert said, done.err
    assert "Jane" not in said[1]
    return said[1]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('raise ValueError("Jane Doe")', 3, "/__init__.py:9 raised ValueError. Correct it there."),
        ("import nothing_of_it", 3, "/__init__.py:9 raised ModuleNotFoundError. Correct it there."),
        ("raise ModuleNotFoundError(name='faker')", 3, r"Run `pip install 'tidemark\[demo\]'`"),
        ("{}['Jane Doe']", 3, "seed: sql/retail/sample/__init__.py:9 raised KeyError. "),
        ("run(':a', wrong='Jane Doe')", 3, "/__init__.py:7 raised StatementError. Correct"),
        ("run('select :a', a=object())", 9, "operational: can't adapt type 'object'."),
        (CLASH, 9, f"refused a row: its key is there already .customers_pkey of .* {HERE}"),
        ("run('select :n::text::int', n='Jane Doe')", 9, "syntax"),
        (COPY, 9, f"refused a row: invalid input syntax for type bigint, in column .* {HERE}"),
        (f"run('set statement_timeout = 1'); {SLEEP}", 9, "canceling statement due to .*timeout"),
        ("run('select 1 from gone')", 9, 'relation "gone" does not exist'),
        (f"run('select {END}')", 4, "operational: the connection broke: .* Run the command again"),
    ],
)
def test_what_ends_a_seeder_is_told_in_one_line(
    warehouse: Warehouse, project: Path, body: str, code: int, said: str
):
    write(project, SEEDER.format(body=body))
    done = tidemark("seed", env=environment(project, warehouse))
    assert re.search(said, failed(done, code)), done.err
    assert warehouse.rows("operational", "select count(*) from customers") == [(0,)]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_a_seeder(warehouse: Warehouse, project: Path, name: str, code: int):
    write(project, SEEDER.format(body=f"os.kill(os.getpid(), signal.{name}); {SLEEP}"))
    done = process("seed", env=environment(project, warehouse))
    assert (done.code, done.out, "Jane" in done.err, "Trace" in done.err) == (
        code,
        "",
        False,
        False,
    )
    assert warehouse.rows("operational", "select count(*) from customers") == [(0,)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_the_kind", "can't be imported: ModuleNotFoundError: No module named"),
        ("def seed(:", "it can't be imported: SyntaxError: .* Mend that there, or install"),
        ("", "sql/retail/sample: it has no function `seed`. Write one."),
        ("def seed(engine, rows=1, *, progress): ...", "parameter rows has no annotation. Write"),
    ],
)
def test_a_seeder_that_can_not_be_used_says_why(
    warehouse: Warehouse, project: Path, text: str, said: str
):
    write(project, text)
    done = tidemark("seed", env=environment(project, warehouse))
    assert re.search(said, failed(done, 3)), done.err


def test_of_several_seeders_those_run_that_have_the_options(warehouse: Warehouse, project: Path):
    write(project, SEEDER.format(body="pass"))
    stock = project / "sql" / "stock"
    (stock / "sample").mkdir(parents=True)
    (stock / "area.yml").write_text("area: stock\nentities: {}\n", "utf-8")
    seeder = "def seed(engine, *, progress, pallets: int = 1): return {'pallets': pallets}"
    (stock / "sample" / "__init__.py").write_text(seeder, "utf-8")
    env = environment(project, warehouse)

    assert tidemark("seed", env=env).out.split() == "retail customers 1 stock pallets 1".split()
    assert tidemark("seed", "--pallets=2", env=env).out.split() == ["pallets", "2"]
    assert tidemark("seed", "--customers", "2", "--pallets", "2", env=env).code == 2
    assert "Did you mean 'stock'?" in failed(tidemark("seed", "stok", env=env), 3)
    done = tidemark("seed", "stock", "--pallets", "7", env=env)
    assert (done.code, done.out.split()) == (0, ["pallets", "7"])


KILL = """
        from pathlib import Path
        data = Path(__file__).parents[3] / ".tidemark" / "data" / "operational"
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        run("select pg_sleep(60)")
"""


@pytest.fixture
def embedded() -> Iterator[Path]:
    """A project without servers of its own, and one table."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-seeds-"))
    folder.chmod(0o711)  # as root, embedded servers run as a user that has to get in
    shutil.copytree(HOME / "tests" / "gardens" / "sql", folder / "sql")
    yield folder
    process("down", cwd=folder)
    shutil.rmtree(folder)


@pytest.mark.further
def test_an_embedded_source_that_dies_is_named_with_its_log(embedded: Path):
    text = SEEDER.replace(
        "insert into customers (customer_id, name) values (:id, :name)", "select 1"
    )
    sample = embedded / "sql" / "gardens" / "sample"
    sample.mkdir()
    (sample / "__init__.py").write_text(text.format(body=KILL), "utf-8")
    done = process("seed", cwd=embedded)
    first, *log, todo = done.err.splitlines()
    assert (done.code, done.out, "Jane" in done.err) == (4, "", False)
    where = f"{embedded}/.tidemark/data/operational.log"
    assert first == f"error: operational server: it ended while it was in use. {where} ends:"
    assert any(line.endswith("system is ready to accept connections") for line in log)
    assert todo == "Run the command again, which starts the server."
    assert process("dsn", "operational", cwd=embedded).code == 0
