"""What the containers are given, and with what they refuse to start. Nothing is started here."""

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
PRODUCTION = {"TIDEMARK_ENV": "production"} | {name: f"s3cret.{name}" for name in SECRETS}
PORTS = {"5433", "5434", "5435", "5436", "8080"}


def services(settings: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return the services as Compose understands them, without a .env."""
    command = ["docker", "compose", "--env-file", os.devnull, "config", "--format", "json"]
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    said = subprocess.check_output(
        command, cwd=HOME, env=clean | dict(settings), text=True, timeout=PATIENCE
    )
    found: dict[str, Any] = json.loads(said)["services"]
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
    assert len(SETTINGS) == 13
    assert services(SETTINGS) == services()


def test_every_secret_reaches_the_container_that_needs_it():
    given = services(PRODUCTION)
    assert {name: secrets(service) for name, service in given.items()} == {
        "operational-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD"],
        "mrr-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD"],
        "stg-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD"],
        "dwh-db": ["POSTGRES_PASSWORD", "TIDEMARK_ETL_PASSWORD", "TIDEMARK_ANALYST_PASSWORD"],
        "airflow-db": ["POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD"],
        "tidemark-init": ["POSTGRES_PASSWORD"],
        **{name: [n for n in SECRETS if n in AIRFLOW] for name in given if name in COMPONENTS},
        "airflow-apiserver": [n for n in SECRETS if n in {*AIRFLOW, "AIRFLOW_ADMIN_PASSWORD"}],
    }
    assert "demo-" not in json.dumps(given)


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
