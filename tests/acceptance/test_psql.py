"""`tidemark psql`: psql itself, as an analyst, and no password where others can see it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests.commands import Done, process, run, succeed
from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME, Warehouse
from tidemark.install import psql
from tidemark.install.embedded import site
from tidemark.postgres import driver_errors

WHO = "select current_user, session_user"


def typed(shop: Warehouse, *words: str, **env: str) -> Done:
    return process("psql", *words, env={**shop.environment, **env})


@contextmanager
def session(shop: Warehouse, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a session that is there for the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tidemark", "psql", *words],
        env={**os.environ, **shop.environment},
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write("select 'ready';\n")
        running.stdin.flush()
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.stdin.close()
            running.wait(PATIENCE)


def test_words_and_exit_code_are_those_of_psql(shop: Warehouse):
    said = typed(shop, "dwh", "-XAtc", WHO, "-c", "\\echo :a", "--csv", "-v", "a=--b c")
    assert said == Done(0, "tidemark_analyst,postgres\n--b c\n", "")
    failed = typed(shop, "dwh", "-X", "-v", "ON_ERROR_STOP=1", "-c", "select 1/0", "-c", WHO)
    assert failed == Done(1, "", "ERROR:  division by zero\n")


def test_no_process_sees_the_password(shop: Warehouse):
    with session(shop, "dwh", "-XAt") as running:
        command = ["ps", "-ww", "-o", "args=", "-p", str(running.pid)]
        shown = subprocess.check_output(command, text=True, timeout=PATIENCE)
    assert (shown.endswith("psql -XAt\n"), "postgresql://" in shown) == (True, False)


def test_a_signal_ends_it_as_it_ends_psql(shop: Warehouse):
    with session(shop, "dwh", "-XAt") as running:
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE) == -signal.SIGTERM


def test_what_nobody_reads_any_more_ends_it(shop: Warehouse):
    many = "select generate_series(1, 1000000)"
    pipe = [sys.executable, "-m", "tidemark", "psql", "dwh", "-XAtc", many]
    piped = f"{' '.join(map(repr, pipe))} | head -n 1; echo ${{PIPESTATUS[0]}}"
    assert run(["bash", "-c", piped], shop.environment).out == f"1\n{128 + signal.SIGPIPE}\n"


def test_an_analyst_reads_and_can_not_write(shop: Warehouse):
    denied = typed(shop, "dwh", "-Xc", "delete from dwh_fact_sales")
    assert denied == Done(1, "", "ERROR:  permission denied for table dwh_fact_sales\n")
    assert typed(shop, "dwh", "-XAtc", "reset role", "-c", WHO).out.endswith("analyst|postgres\n")
    assert typed(shop, "--admin", "dwh", "-XAtc", WHO).out == "postgres|postgres\n"
    assert typed(shop, "stg", "-XAtc", WHO, "--admin").out == "postgres|postgres\n"


def test_a_layer_in_which_analysts_have_nothing_wants_admin(shop: Warehouse):
    assert process("psql", "mrr", env=shop.environment) == Done(
        2,
        "",
        "error: psql mrr: analysts may read nothing there; what is theirs is in the DWH. Run "
        "`tidemark psql dwh`, or `tidemark psql mrr --admin` as the login of TIDEMARK_MRR_DSN.\n",
    )


def test_a_login_that_is_no_analyst_is_told_the_grant(warehouse: Warehouse):
    warehouse.execute("dwh", "create role \"Ann\" login password 'secret'")
    try:
        url = urlsplit(warehouse.dsn["dwh"])
        dsn = url._replace(netloc=f"Ann:secret@127.0.0.1:{url.port}").geturl()
        env = {**warehouse.environment, "TIDEMARK_DWH_DSN": dsn}
        done = process("psql", "dwh", env=env)
        assert (done.code, done.out) == (3, "")
        assert done.err.endswith(
            "the login is no member of tidemark_analyst. "
            'Run `grant tidemark_analyst to "Ann"` there, or add --admin.\n'
        )
        warehouse.execute("dwh", 'grant tidemark_analyst to "Ann"')
        assert process("psql", "dwh", "-XAtc", WHO, env=env).out == "tidemark_analyst|Ann\n"
    finally:
        warehouse.execute("dwh", 'drop role "Ann"')


@pytest.fixture
def ways(shop: Warehouse, tmp_path: Path) -> Mapping[str, tuple[str, dict[str, str]]]:
    """Ways to name the same server: the DSN, and what the environment adds."""
    url = shop.dsn["dwh"]
    at = urlsplit(url)
    file = tmp_path / "services"
    file.write_text(
        f"[dwh]\nhost=127.0.0.1\nport={at.port}\ndbname={at.path[1:]}\n"
        f"user=postgres\npassword={at.password}\noptions=-c work_mem=7MB\n"
    )
    passfile = tmp_path / "pass"
    passfile.touch(0o600)
    passfile.write_text(f"127.0.0.1:{at.port}:*:postgres:{at.password}\n")
    pairs = f"host=127.0.0.1 port={at.port} dbname={at.path[1:]} user=postgres"
    two = f"host=127.0.0.1,127.0.0.1 port=1,{at.port} dbname={at.path[1:]} user=postgres"
    quiet = "keepalives=0 tcp_user_timeout=5000"
    services = {"PGSERVICEFILE": str(file)}
    setting = "options='-c work_mem=7MB'"
    return {
        "URL": (f"{url}?options=-c%20work_mem%3D7MB&sslmode=disable&connect_timeout=9", {}),
        "pairs": (f"{pairs} password={at.password} {setting} {quiet}", {}),
        "PGOPTIONS": (url, {"PGOPTIONS": "-c work_mem=7MB"}),
        "service": ("service=dwh", services),
        "PGSERVICE": ("postgresql://", {**services, "PGSERVICE": "dwh"}),
        "a service and more": (f"service=dwh dbname=template1 {setting}", services),
        "PGPASSWORD": (f"{pairs} {setting}", {"PGPASSWORD": str(at.password)}),
        "passfile": (f"{pairs} {setting} passfile={passfile}", {}),
        "hosts": (f"{two} password={at.password} {setting} target_session_attrs=read-write", {}),
    }


WAYS = ("URL|pairs|PGOPTIONS|service|PGSERVICE|a service and more|PGPASSWORD|passfile|hosts").split(
    "|"
)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("way", WAYS)
def test_all_of_a_dsn_holds(shop: Warehouse, ways: Mapping[str, tuple[str, dict[str, str]]], way):
    dsn, added = ways[way]
    env = {"TIDEMARK_DWH_DSN": dsn, "PGPORT": "1", **added}
    asked = "select current_user, current_database(), current_setting('work_mem')"
    database = "template1" if "more" in way else "tidemark_shop"
    done = typed(shop, "dwh", "-XAtc", asked, **env)
    assert done == Done(0, f"tidemark_analyst|{database}|7MB\n", "")


def test_nothing_secret_is_among_the_words(shop: Warehouse, monkeypatch: pytest.MonkeyPatch):
    """What has no variable is a word, unless it is a secret."""
    dsn = shop.dsn["dwh"] + "?sslpassword=seesaw&keepalives_idle=7&sslmode=disable"
    made = psql.program(dsn, "dwh", "-c", WHO, as_admin=False, environ={"PGSERVICE": ""})
    assert made.words == ("psql", "-d", "keepalives_idle=7", "-c", WHO)
    assert "seesaw" not in str(made.environment)
    password = urlsplit(dsn).password
    assert [k for k, v in made.environment.items() if password and password in v] == ["PGPASSWORD"]


def test_without_a_psql_on_path_the_one_of_the_servers_is_taken(shop: Warehouse, tmp_path: Path):
    assert typed(shop, "dwh", "-XAtc", WHO, PATH=str(tmp_path)).out.startswith("tidemark_analyst|")
    made = psql.program(shop.dsn["dwh"], "dwh", as_admin=True, environ={})
    assert made.path == (shutil.which("psql") or str(site.installed() / "psql"))


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (
            "postgresql://ann:open%40se@h:5/d?sslmode=require",
            "postgresql://ann@h:5/d?sslmode=require",
        ),
        ("postgres://:sesame@/d", "postgres://@/d"),
        ("postgresql://ann@h1:5,h2:6/d", "postgresql://ann@h1:5,h2:6/d"),
        ("postgresql://h/d?user=ann&password=sesame", "user=ann dbname=d host=h"),
        ("host=h password='se same' dbname=d", "dbname=d host=h"),
        ("postgresql://ann:sesame@h/d?sslpassword=sesame", "user=ann dbname=d host=h"),
    ],
)
def test_a_dsn_is_printed_without_what_is_secret(shop: Warehouse, dsn: str, shown: str):
    assert driver_errors.without_secrets(dsn, "dwh") == shown


def test_a_dsn_in_which_the_secret_can_not_be_told_is_not_printed(shop: Warehouse):
    for dsn in ("postgresql://ann:se@same@h/d", "host=h password='sesame", "ann:sesame@h/d"):
        done = process("dsn", "dwh", env={**shop.environment, "TIDEMARK_DWH_DSN": dsn})
        assert (done.code, done.out, "same" in done.err) == (3, "", False)
        assert done.err.startswith("error: dwh: TIDEMARK_DWH_DSN can't be read.")


def test_the_password_of_a_dsn_is_printed_when_asked_for(shop: Warehouse):
    plain = succeed("dsn", "dwh", env=shop.environment).out.strip()
    assert plain == shop.dsn["dwh"].replace(f":{urlsplit(shop.dsn['dwh']).password}", "")
    whole = succeed("dsn", "dwh", "--password", env=shop.environment).out.strip()
    assert whole == shop.dsn["dwh"]
    with closing(psycopg2.connect(whole)) as opened:
        assert opened.info.dbname == "tidemark_shop"
