"""docs/operations.md, "A week on call": each alert is made to begin, looked at, and ended."""

from __future__ import annotations

import re

import pytest

from tests.alerting import CASES, environment
from tests.commands import tidemark
from tests.fix_alerts import Receiver, Tell
from tests.fix_servers import HOME
from tidemark.model import EVENTS

TEXT = (HOME / "docs" / "operations.md").read_text("utf-8")
PAGE = TEXT.partition("## A week on call")[2].partition("\n## ")[0]
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE))
LOOKS = {0, 1, 8}
"""How a command may end that looks at what is wrong."""


def test_each_event_has_a_section():
    assert sorted(SECTIONS) == sorted(EVENTS)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("event", sorted(CASES))
def test_what_the_page_says_ends_the_alert(telling: Tell, receiver: Receiver, event: str):
    case = CASES[event]
    shop = telling(receiver.url)
    env = environment(shop)
    *looks, last = re.findall(r"^\$ tidemark (.*)$", SECTIONS[event], re.MULTILINE)
    assert looks != []
    case.begin(shop)
    receiver.wait_for(f"{case.title}: {case.severity}")
    for command in looks:
        done = tidemark(*command.replace("retail", "made").split(), env=env)
        assert done.code in LOOKS, done
    assert f"To look: tidemark {looks[0]}".split(" --")[0].replace("retail", "made") in str(
        receiver.messages[0]["message"]
    )
    case.mend(shop)
    assert tidemark(*last.replace("retail", "made").split(), env=env).code == 0
    receiver.wait_for(f"{case.title}: {case.severity}", f"{case.title}: over")
