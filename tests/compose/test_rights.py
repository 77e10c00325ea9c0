"""Who may do what in the containers: what each login is refused."""

import re
from contextlib import closing
from urllib.error import HTTPError

import psycopg2
import pytest

from tests.fix_compose import NAMES, ONE_SHOTS, Stack, docker, psql
from tests.fix_servers import SERVERS, connect

pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONE_SHOTS])
def test_a_container_has_neither_root_nor_a_way_to_it(stack: Stack, name: str):
    status = docker("exec", name, "cat", "/proc/1/status")
    assert dict(re.findall(r"^(Uid|CapBnd|NoNewPrivs):\t(\S+)", status, re.MULTILINE)) == {
        "Uid": "999" if name.endswith("-db") else "50000",
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
    }


@pytest.mark.parametrize("layer", SERVERS)
def test_a_wrong_password_is_refused(stack: Stack, layer: str):
    for login in ("postgres", "tidemark_etl"):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(stack.dsn(layer, f"{login}:wrong"))
    hosts = "select distinct auth_method from pg_hba_file_rules where type like 'host%'"
    assert psql(f"{layer}-db", hosts) == "scram-sha-256\n"
    unscrambled = "select rolname from pg_authid where rolcanlogin and rolpassword !~ '^SCRAM-SHA'"
    assert psql(f"{layer}-db", unscrambled) == ""


def test_a_wrong_password_is_refused_by_airflow(stack: Stack):
    with pytest.raises(HTTPError, match="401") as refused:
        stack.request("POST", "/auth/token", {"username": "admin", "password": "wrong"})
    refused.value.close()


@pytest.mark.parametrize("layer", SERVERS)
def test_the_pipeline_is_no_superuser(stack: Stack, layer: str):
    rights = "select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles"
    with closing(connect(stack.dsn(layer))) as opened, opened.cursor() as cursor:
        cursor.execute(f"{rights} where rolname = current_user")
        assert cursor.fetchall() == [(False,)]
