"""docs/query.md: its commands print what it says, and its menu asks what it says."""

import re
import shlex

from tests.commands import tidemark
from tests.fix_servers import HOME, Warehouse
from tests.terminal import terminal
from tidemark.cli import menu

PAGE = (HOME / "docs" / "query.md").read_text("utf-8")
EXAMPLE = re.compile(r"^\$ tidemark (query .*)\n((?:(?!```|\$ ).*\n)*)", re.MULTILINE)


def test_the_examples_print_what_the_page_says(shop: Warehouse):
    examples = [(words, said) for words, said in EXAMPLE.findall(PAGE) if said[:2] != "…\n"]
    assert len(examples) == 6
    for words, said in examples:
        done = tidemark(*shlex.split(words), env=shop.environment)
        assert f"{done.out}{done.err}" == said.rstrip("\n") + "\n", words


def test_the_menu_asks_what_the_page_shows(shop: Warehouse):
    [(words, shown)] = [one for one in EXAMPLE.findall(PAGE) if one[1].startswith("…\n")]
    asked = re.findall(r"^(.*?: )([\w= ]+)$", shown, re.MULTILINE)
    assert [prompt for prompt, _ in asked if prompt in (menu._FILTER, menu._PAGE)] == [
        menu._FILTER,
        menu._PAGE,
    ]
    with terminal(*words.split(), env=shop.environment) as typed:
        for prompt, line in asked:
            if not prompt.startswith("dwh_dim_customers: "):
                typed.answer(prompt, line)
        assert "dwh_dim_customers, key 42" in typed.until(menu._PAGE)
