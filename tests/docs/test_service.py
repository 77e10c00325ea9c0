"""docs/service.md: its client posts, its tables are whole, and the example works both ways."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.commands import Done, run, succeed
from tests.docs.test_pages import table
from tests.fix_assets import Bank
from tests.fix_servers import HOME
from tests.fix_service import SALE, Serving, headers, served
from tidemark.api.service import Service

PAGE = (HOME / "docs" / "service.md").read_text("utf-8")
KEY = "sample-asset-123.jpg"


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]


def test_the_client_of_the_page_posts_an_event_once(
    served_area: Serving, monkeypatch: pytest.MonkeyPatch
):
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    key = served_area.client.headers["authorization"].partition(" ")[2]
    monkeypatch.setenv("TIDEMARK_SERVICE", served_area.url)
    monkeypatch.setenv("TIDEMARK_KEY", key)
    found: dict[str, Any] = {}
    exec(program, found)
    told = [found["post"]("made/sales", "a", dict(SALE))["status"] for _ in range(2)]
    assert told == ["stored", "repeated"]
    assert len([line for line in program.splitlines() if line]) <= 25


def test_the_tables_name_every_status_and_every_metric(served_area: Serving):
    served_area.post("a")
    document = served_area.client.get("/openapi.json").json()
    described = {
        int(status)
        for path in document["paths"].values()
        for route in path.values()
        for status in route["responses"]
        if int(status) >= 400
    }
    assert {int(row[0]) for row in table(section("Errors"))} == described | {405}
    text = served_area.client.get("/metrics").text
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        if not family.name.endswith("_created"):
            labels[family.name] = {each for one in family.samples for each in one.labels} - {"le"}
    told = {row[0].strip("`").removesuffix("_total"): row[1] for row in table(section("Metrics"))}
    assert {name: {*re.findall(r"\w+", said)} for name, said in told.items()} == {
        name: found or {"area"} for name, found in labels.items()
    }


def test_the_commands_about_keys_work(served_area: Serving):
    commands = re.findall(r"^\$ tidemark (keys .*)$", PAGE, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["create", "list", "revoke"]
    env = served_area.posting.environment
    for command in commands:
        words = command.replace("assets", "made").replace("'", "").split()
        succeed(*words, env=env)


@pytest.fixture
def asset_bank(bank: Bank) -> Iterator[tuple[str, dict[str, str]]]:
    """A service for the area of assets: its address, and the header with a key."""
    with served(Service([bank.area], bank.servers.dsns)) as url:
        yield url, headers(bank, "dab", "assets.*", "read:assets")


def dab(env: Mapping[str, str], *words: str) -> Done:
    return run([sys.executable, HOME / "examples" / "dab.py", *words], env)


def test_the_lines_of_the_page_upload_an_asset(bank: Bank, asset_bank: Any, tmp_path: Path):
    url, named = asset_bank
    [line] = re.findall(r"^(curl .*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    key = named["Authorization"].partition(" ")[2]
    script = line.replace("http://127.0.0.1:8000", url)
    done = run(["bash", "-c", script], {"KEY": key}, tmp_path)
    assert (done.code, " 202 " in done.out) == (0, True), done
    assert bank.rows("mrr", "select event_id, kind from tidemark.inbox") == [
        ("upload-1", "asset_uploaded")
    ]


def test_the_example_uploads_and_sells_an_asset_through_the_service(bank: Bank, asset_bank: Any):
    url, named = asset_bank
    env = {"DAB_EVENTS": url, "DAB_KEY": named["Authorization"].partition(" ")[2]}
    words = [("upload", KEY, "Sunset", "generic"), ("purchase", KEY, "user456", "100")]
    assert [dab(env, *each) for each in words] == [Done(0, "", "")] * 2
    bank.run()
    told = httpx.get(f"{url}/v1/assets/{KEY}", headers=named).json()
    assert (told["asset_name"], told["owner"]) == ("Sunset", "user456")
    wrong = dab(env, "purchase", KEY, "user456", "-1")
    assert (wrong.code, "has to be at least 0" in wrong.err) == (1, True)


def test_the_example_uploads_and_sells_an_asset_through_a_queue(bank: Bank, s3: str):
    aws = {
        "AWS_ENDPOINT_URL": s3,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.items():
            patch.setenv(name, value)
        url = boto3.client("sqs").create_queue(QueueName="dab")["QueueUrl"]
    words = [("upload", KEY, "Sunset", "generic"), ("purchase", KEY, "user456", "100")]
    env = {**aws, "DAB_EVENTS": url, "PATH": os.environ["PATH"]}
    assert [dab(env, *each) for each in words] == [Done(0, "", "")] * 2
    command = ("consume", "sqs://dab", "--wait", "0", "--until-empty")
    done = run([sys.executable, "-m", "tidemark", *command], {**bank.environment, **aws})
    assert done.code == 0, done
    bank.run()
    assert bank.dwh(f"select assets.fn_asset('{KEY}') ->> 'owner'") == [("user456",)]
