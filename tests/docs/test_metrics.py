"""The commands of docs/metrics.md are run, and the page has every metric with its labels."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.commands import succeed
from tests.fix_servers import HOME, Warehouse
from tests.queries import execute
from tidemark.observe import metrics

PAGE = (HOME / "docs" / "metrics.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ tidemark (.*)$", PAGE, re.MULTILINE)


def documented() -> dict[str, set[str]]:
    """Name -> its labels, as the table of the page says."""
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|([^|]*)\|", PAGE, re.MULTILINE)
    labels = {names: set(re.findall(r"`(\w+)`", said)) for names, said in rows}
    return {name: said for names, said in labels.items() for name in re.findall(r"`(\w+)`", names)}


def test_the_commands_of_the_page_tell_what_it_says(
    shop: Warehouse, tmp_path: Path, monkeypatch
) -> None:
    shown, written = (command.split() for command in COMMANDS)
    printed = succeed(*shown, env=shop.environment).out
    for line in re.findall(r"^(?:# )?(?:HELP |TYPE )?tidemark_\S+ [^\d\n].*", PAGE, re.MULTILINE):
        assert line in printed
    monkeypatch.chdir(tmp_path)
    assert succeed(*written, env=shop.environment).out == ""
    assert (tmp_path / written[-1]).read_text("utf-8").count("\n") == printed.count("\n")


def test_every_metric_is_documented_with_its_labels(shop: Warehouse) -> None:
    printed = succeed("metrics", env=shop.environment).out
    assert [*documented()] == [*metrics.HELP]
    for family in text_string_to_metric_families(printed):
        labels = {label for sample in family.samples for label in sample.labels}
        assert labels == documented()[family.name.removeprefix("tidemark_")]


def test_the_rules_name_metrics_that_there_are() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    named = {name for rule in rules for name in re.findall(r"\btidemark_(\w+)", rule["expr"])}
    assert len(rules) == 5
    assert named - {"prom"} <= set(metrics.HELP)


def test_the_login_of_the_page_is_made(warehouse: Warehouse) -> None:
    [create] = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)
    with warehouse.connect("dwh") as opened:
        execute(opened, create)
        execute(opened, "set role watcher")
        execute(opened, "select from etl_logs")
        execute(opened, "reset role")
        execute(opened, "drop role watcher")
