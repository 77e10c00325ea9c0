"""docs/cleansing.md names every reason for which a row can be refused, and no other."""

import re

from tests.fix_servers import HOME

PAGE = HOME / "docs" / "cleansing.md"
VIEWS = HOME / "sql" / "retail" / "stg" / "views"
VERBS = r"(?:is|are)(?: not)?"


def test_every_reason_is_documented_under_its_entity() -> None:
    sections = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)

    documented = {
        section.split("\n", 1)[0].lower(): set(re.findall(rf"`(\w+ {VERBS} [\w ]+)`", section))
        for section in sections[1:4]
    }

    assert documented == {
        entity: set(
            re.findall(rf"'(\w+ {VERBS} [\w ]+)'", (VIEWS / f"clean_{entity}.sql").read_text())
        )
        for entity in ("customers", "products", "sales")
    }
