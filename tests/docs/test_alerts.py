"""docs/alerts.md: its commands, its settings, and that it knows each event."""

from __future__ import annotations

import re

from tests.commands import succeed, tidemark
from tests.fix_alerts import Receiver, Tell
from tests.fix_servers import HOME
from tidemark.declare import channels, yamlfiles
from tidemark.declare.settings import Alerts
from tidemark.model import EVENTS

PAGE = (HOME / "docs" / "alerts.md").read_text("utf-8")
LONG_AGO = "update etl_batches set started_at = '2025-01-01Z', ended_at = '2025-01-01Z'"
COMMANDS = re.findall(r"^\$ tidemark (.*)$", PAGE, re.MULTILINE)


def test_the_commands_try_the_channels_and_show_what_stands(telling: Tell, receiver: Receiver):
    shop = telling(receiver.url)
    env = {**shop.environment, "TIDEMARK_ALERT_URLS": receiver.url}
    test, look = (command.split() for command in COMMANDS)
    name = f"json://someone:****@127.0.0.1:{receiver.port}/"
    assert succeed(*test, env=env).out == f"{name}: took it\n"
    receiver.wait_for("test")
    assert succeed(*look, env=env).out == f"Channels: {name}\nAlerts: none\n"
    shop.warehouse.execute("dwh", LONG_AGO)
    assert tidemark("monitor", env=env).code == 10
    found = succeed(*look, "--json", env=env).json
    assert [(one["area"], one["event"]) for one in found["alerts"]] == [("made", "data_late")]


def test_the_settings_of_the_page_are_those_of_an_area_without_any():
    [declared] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert Alerts(**yamlfiles.loaded(declared, "alerts.md")["alerts"]) == Alerts()


def test_each_event_is_in_the_table():
    assert sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == sorted(EVENTS)


def test_the_urls_of_the_page_are_understood():
    [said] = re.findall(rf"^{channels.VARIABLE}=(.*)$", PAGE, re.MULTILINE)
    names = [channels.name(channels.opened(url, place)) for place, url in enumerate(said.split())]
    assert names == [
        "mailtos://tidemark:****@smtp.example.com/oncall%40example.com",
        "json://alerts:****@hooks.example.com/tidemark",
    ]
