"""What the containers are given, and with what they refuse to start. Nothing is started here."""

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fix_retail import PATIENCE
from tests.fix_servers import HOME

EXAMPLE = (HOME / ".env.example").read_text("utf-8")
EXPLAINED = EXAMPLE.partition("docker compose up")[2]
SETTINGS = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", EXPLAINED, re.MULTILINE))
SECRETS = [name for name in SETTINGS if re.search("_(PASSWORD|SECRET|KEY)$", name)]
KEY = "AIRFLOW__CORE__FERNET_KEY"
PRODUCTION = {
    "TIDEMARK_ENV": "production",
    **{name: hashlib.sha256(name.encode()).hexdigest() for name in SECRETS},
    KEY: base64.urlsafe_b64encode(hashlib.sha256(b"key").digest()).decode(),
}
SECOND_SOURCE = "examples/two-sources/docker-compose.yml"
LEDGER = "TIDEMARK_SOURCE_LEDGER_DSN"
WITH_SOURCES = ("airflow-scheduler", "tidemark-init")
PORTS = {"5433", "5434", "5435", "5436", "8080", "8000", "8081"}


def services(settings: Mapping[str, str] = {}, *files: str) -> dict[str, Any]:
    """Return the services as Compose understands them, without a .env."""
    named = [word for file in files for word in ("-f", file)]
    command = ["docker", "compose", "--env-file", os.devnull, *named, "config", "--format", "json"]
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    said = subprocess.check_output(
        command, cwd=HOME, env=clean | dict(settings), text=True, timeout=PATIENCE
    )
    found: dict[str, Any] = json.loads(said)["services"]
    for one in found.values():  # A variable without a value is not there in the container.
        told = one.get("environment", {})
        one["environment"] = {key: value for key, value in told.items() if value is not None}
    return found


def guarded(environment: Mapping[str, str]) -> tuple[int, str, list[str]]:
    """Start a container's first command: its exit code, what it said, and its complaints."""
    done = subprocess.run(
        ["sh", HOME / "docker" / "guard", "echo", "started"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def secrets(service: dict[str, Any]) -> list[str]:
    return [name for name in SECRETS if name in service["environment"]]


def test_nothing_is_published_outside_of_this_machine():
    ports = [port for service in services().values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert {port["published"] for port in ports} == PORTS


def test_the_example_says_what_is_taken_when_nothing_is_said():
    assert len(SETTINGS) == 18
    assert services(SETTINGS) == services()


def test_every_secret_reaches_the_container_that_needs_it():
    given = services(PRODUCTION)
    assert {name: secrets(service) for name, service in given.items()} == {
        "operational-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD"],
        "mrr-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD", "TIDEMARK_CONSOLE_PASSWORD"],
        "stg-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD", "TIDEMARK_CONSOLE_PASSWORD"],
        "dwh-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD", "TIDEMARK_ANALYST_PASSWORD"]
        + ["TIDEMARK_OWNER_PASSWORD", "TIDEMARK_CONSOLE_PASSWORD"],
        "airflow-db": ["POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD"],
        "tidemark-init": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD"],
        "tidemark-api": ["TIDEMARK_ETL_PASSWORD"],
        "tidemark-console": ["TIDEMARK_CONSOLE_PASSWORD"],
        **{name: [n for n in SECRETS if n in AIRFLOW] for name in given if name in COMPONENTS},
        "airflow-apiserver": [n for n in SECRETS if n in {*AIRFLOW, "AIRFLOW_ADMIN_PASSWORD"}],
    }
    assert "demo-" not in json.dumps(given)


def test_a_bucket_of_events_reaches_what_runs_tidemark_and_without_one_there_is_none():
    named = {"TIDEMARK_SOURCE_RAW_EVENTS_URL": "s3://events", "AWS_ENDPOINT_URL": "http://there"}
    for given in ({}, named):
        found = services(given)
        for name in ("tidemark-init", *COMPONENTS):
            environment = found[name]["environment"]
            told = {key: environment.get(key) for key in (*named, "AWS_REGION")}
            told = {key: value for key, value in told.items() if value}
            assert told == given, name


COMPONENTS = {"airflow-init", "airflow-scheduler", "airflow-dag-processor"}
AIRFLOW = {
    "TIDEMARK_ETL_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
}


def test_no_default_password_passes_in_production():
    refused = set()
    for name, service in services({"TIDEMARK_ENV": "production"}).items():
        assert Path(service["entrypoint"][1]).name == "guard", name
        code, said, complaints = guarded(service["environment"])
        assert (code, said) == (1, ""), name
        assert complaints == [
            f"error: {secret}: it still is the demo's, and TIDEMARK_ENV is production. "
            "Set it in .env."
            for secret in sorted(secrets(service))
        ]
        refused |= set(secrets(service))
    assert refused == set(SECRETS)


@pytest.mark.parametrize("settings", [{}, PRODUCTION], ids=["demo", "production"])
def test_what_is_allowed_starts(settings: dict[str, str]):
    for service in services(settings).values():
        assert guarded(service["environment"]) == (0, "started\n", [])


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("TIDEMARK_ENV", "prod", "'prod' is neither demo nor production. Correct it in .env."),
        ("X_PASSWORD", "", "it is empty. Set it in .env."),
        ("X_SECRET", "a b", "use letters, digits and . _ ~ = - only. Change it in .env."),
        ("X_KEY", "$(id)", "use letters, digits and . _ ~ = - only. Change it in .env."),
    ],
)
def test_a_setting_that_can_not_be_right_is_refused(setting: str, value: str, complaint: str):
    assert guarded({setting: value}) == (1, "", [f"error: {setting}: {complaint}"])


GOOD = PRODUCTION["POSTGRES_PASSWORD"]
DEMO = "still is the demo's, and TIDEMARK_ENV is production"
SHORT = "is shorter than 12 characters"
GUESSED = "is one that others would guess"


def refused_in_production(**settings: str) -> str:
    """Return the one complaint about these settings, which shows no value, without its start."""
    code, said, complaints = guarded({"TIDEMARK_ENV": "production", **settings})
    assert (code, said, len(complaints)) == (1, "", 1), complaints
    start, name, what = complaints[0].split(": ", 2)
    assert (start, name in settings) == ("error", True)
    assert not any(len(value) > 5 and value in what for value in settings.values())
    return what


@pytest.mark.parametrize(
    ("value", "weak"),
    [
        ("", "is empty"),
        ("a", SHORT),
        ("postgres", SHORT),
        ("admin1", SHORT),
        ("eleven.char", SHORT),
        ("admin", DEMO),
        ("demo-of.my-own", DEMO),
        ("Demo-Postgres", GUESSED),
        ("admin1234567", GUESSED),
        ("postgrespostgres", GUESSED),
        ("changeme_ChangeMe", GUESSED),
        ("P4ssw0rd-2026-1", GUESSED),
        ("aaaaaaaaaaaaaaaa", GUESSED),
        ("tidemark_etl.2026", GUESSED),
        ("warehouse-2026", GUESSED),
        ("asdfghjkl123", GUESSED),
        ("1q2w3e4r5t6y", GUESSED),
    ],
)
@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "DB2_PASS", "ci_token"])
def test_a_secret_that_others_guess_is_refused_in_production(name: str, value: str, weak: str):
    assert refused_in_production(**{name: value}) == f"it {weak}. Set it in .env."


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://shop:{}@db.example.com:5432/shop?sslmode=verify-full",
        "postgresql+psycopg2://shop:{}@db/shop",
        "redis://:{}@cache:6379/0",
        "postgresql://shop@db/shop?sslmode=require&password={}&application_name=x",
        "host=db dbname=shop user=shop password={} port=5432",
        "host=db password = '{}'",
        '{{"conn_type": "postgres", "login": "shop", "password": "{}"}}',
    ],
)
@pytest.mark.parametrize("name", ["TIDEMARK_OPERATIONAL_DSN", "AIRFLOW_CONN_SHOP", "Anything"])
def test_a_weak_password_is_found_where_it_is_a_part(name: str, value: str):
    for password, weak in {"demo-etl": DEMO, "a": SHORT, "postgres.2026": GUESSED}.items():
        what = f"the password in it {weak}. Change it there and in .env."
        assert refused_in_production(**{name: value.format(password)}) == what
    allowed = {"TIDEMARK_ENV": "production", name: value.format(GOOD)}
    assert guarded(allowed) == (0, "started\n", [])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"A": "postgresql://u:%64emo%2Detl@h/d"}, f"the password in it {DEMO}."),
        ({"A": "postgresql://shop_app:shop_app%2A1234@h/d"}, f"the password in it {GUESSED}."),
        ({"PGPASSWORD": "admin"}, f"the password in it {DEMO}."),
        ({KEY: GOOD}, "it is no Fernet key, which is 32 bytes in URL-safe base64."),
        ({KEY: f"{PRODUCTION[KEY]},{GOOD}="}, "it is no Fernet key, which is 32 bytes in URL-safe"),
        ({"AIRFLOW__API_AUTH__JWT_SECRET": GOOD[:31]}, "it is shorter than 32 characters."),
        (
            {"TIDEMARK_B_PASSWORD": GOOD, "TIDEMARK_A_PASSWORD": GOOD},
            "it is the same as TIDEMARK_A_",
        ),
        ({"POSTGRES_HOST_AUTH_METHOD": "trust"}, "it lets everybody in without a password."),
        ({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}, "it lets everybody in."),
    ],
)
def test_what_else_lets_others_in_is_refused_in_production(
    settings: dict[str, str], complaint: str
):
    assert refused_in_production(**settings).startswith(complaint)


@pytest.mark.parametrize(
    "settings",
    [
        {"PGPASSWORD": GOOD, "TIDEMARK_ETL_PASSWORD": GOOD, "A": f"postgresql://etl:{GOOD}@h/d"},
        {KEY: f"{PRODUCTION[KEY]},{PRODUCTION[KEY]}"},
        {"AIRFLOW__CORE__FERNET_KEY_SECRET": "airflow/key"},
        {
            "TIDEMARK_MRR_DSN": "postgresql://tidemark_etl@mrr-db:5432/mrr",
            "http_proxy": "x://u:p@h",
        },
    ],
)
def test_what_nobody_guesses_starts_in_production(settings: dict[str, str]):
    assert guarded({"TIDEMARK_ENV": "production", **settings}) == (0, "started\n", [])


@pytest.mark.parametrize("mode", ["Production", "PRODUCTION", " production", "prod", "1"])
def test_another_word_for_production_starts_nothing(mode: str):
    complaint = f"error: TIDEMARK_ENV: '{mode}' is neither demo nor production. Correct it in .env."
    assert guarded({"TIDEMARK_ENV": mode}) == (1, "", [complaint])


def test_nothing_starts_where_nothing_can_be_examined(tmp_path: Path):
    (tmp_path / "sh").symlink_to("/bin/sh")
    assert guarded({"PATH": str(tmp_path)})[:2] == (127, "")


def test_a_second_source_adds_a_database_and_where_it_is():
    one, two = services(), services({}, "docker-compose.yml", SECOND_SOURCE)
    mounted = two["operational-db"]["volumes"].pop()
    logins = {name: two[name]["environment"].pop(LEDGER) for name in WITH_SOURCES}

    assert two == one
    assert mounted["source"] == str(HOME / "examples" / "two-sources" / "ledger.sql")
    assert mounted["target"] == "/docker-entrypoint-initdb.d/ledger.sql"
    assert logins == {
        "airflow-scheduler": "postgresql://tidemark_etl@operational-db:5432/ledger",
        "tidemark-init": "postgresql://postgres@operational-db:5432/ledger",
    }


def test_what_one_container_drops_the_others_only_read():
    given = services()
    found = {
        name: [
            one.get("read_only", False) for one in service["volumes"] if one["source"] == "drops"
        ]
        for name, service in given.items()
    }
    readers = {name: [True] for name in given if name in {*COMPONENTS, "airflow-apiserver"}}
    assert {name: one for name, one in found.items() if one} == {
        "tidemark-init": [False],
        **readers,
    }
    targets = {one["target"] for one in given["tidemark-init"]["volumes"]}
    assert "/opt/tidemark/drops" in targets


def test_containers_have_bounds():
    for name, service in services().items():
        assert service["container_name"] == name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["mem_limit"]) <= 2 << 30
        one_shot = name in {"airflow-init", "tidemark-init"}
        assert service["restart"] == ("no" if one_shot else "unless-stopped")
        assert one_shot != ("healthcheck" in service)


def test_a_server_that_reads_its_log_again_is_given_minutes():
    # With six writers on the disk, a crashed server was seen to need 47 s for an empty log.
    checks = {name: one["healthcheck"] for name, one in services().items() if name.endswith("-db")}
    assert {check["start_period"] for check in checks.values()} == {"10m0s"}
    assert len(checks) == 5


@pytest.mark.parametrize("words", ["", "migrate", "seed --day", "verify", "doctor", "run retail"])
def test_only_migrate_and_seed_log_in_as_the_superuser(tmp_path: Path, words: str):
    program = tmp_path / "tidemark"
    program.write_text(
        f"#!/bin/sh\necho $PGPASSWORD $TIDEMARK_OPERATIONAL_DSN $TIDEMARK_DWH_DSN ${LEDGER}\n"
    )
    program.chmod(0o755)
    files = ("docker-compose.yml", SECOND_SOURCE)
    given = services(PRODUCTION, *files)["tidemark-init"]["environment"]
    shop = {"TIDEMARK_OPERATIONAL_DSN": "postgresql://reader:r@shop/shop"}
    said = subprocess.check_output(
        ["sh", HOME / "docker/airflow/bin/tidemark-init", *words.split()],
        env={**given, **shop, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        text=True,
        timeout=PATIENCE,
    )
    login, variable = "tidemark_etl", "TIDEMARK_ETL_PASSWORD"
    if words.split()[:1] in ([], ["migrate"], ["seed"]):
        login, variable = "postgres", "POSTGRES_PASSWORD"
    dwh = f"postgresql://{login}@dwh-db:5432/dwh"
    ledger = f"postgresql://{login}@operational-db:5432/ledger"
    assert {*said.splitlines()} == {
        f"{PRODUCTION[variable]} {shop['TIDEMARK_OPERATIONAL_DSN']} {dwh} {ledger}"
    }


def test_the_pool_of_the_hops_is_made_before_a_dag_names_it(tmp_path: Path):
    given = services({"TIDEMARK_AIRFLOW_SLOTS": "2"})
    program = tmp_path / "airflow"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    init, processor = given["airflow-init"], given["airflow-dag-processor"]
    said = subprocess.check_output(
        ["sh", HOME / "docker/airflow/bin" / init["command"][0]],
        env={**init["environment"], "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        text=True,
        timeout=PATIENCE,
    )
    pool = processor["environment"]["TIDEMARK_AIRFLOW_POOL"]
    assert said.splitlines() == ["db migrate", f"pools set {pool} 2 hops of all areas"]
    assert processor["depends_on"]["airflow-init"]["condition"] == "service_completed_successfully"
