"""Every routine in sql/ says above its definition what it reads, writes, returns and raises."""

import re
from collections.abc import Iterator

from tests.fix_servers import HOME

SQL = HOME / "sql"
DEFINITION = re.compile(r"^create (?:or replace )?(?:function|procedure) ([\w.]+)", re.MULTILINE)
LABELS = ["reads", "writes", "returns", "raises", "repeat"]
LABEL = re.compile(rf"^-- ({'|'.join(LABELS)}) {{2,4}}\S", re.MULTILINE)


def test_every_routine_has_a_header_in_the_house_style() -> None:
    faults = {f"{file}: {name}": list(_faults(header)) for file, name, header in _routines()}

    assert len(faults) > 20, "the routines of sql/ were not found"
    assert {name: found for name, found in faults.items() if found} == {}


def _routines() -> Iterator[tuple[str, str, str]]:
    for path in sorted(SQL.rglob("*.sql")):
        text = path.read_text("utf-8")
        for definition in DEFINITION.finditer(text):
            header = re.search(r"(?:^--.*\n)*\Z", text[: definition.start()], re.MULTILINE)
            yield path.relative_to(SQL).as_posix(), definition[1], header[0] if header else ""


def _faults(header: str) -> Iterator[str]:
    labels = LABEL.findall(header)
    if not re.match(r"-- [A-Z]", header):
        yield "does not begin with a sentence on what it does"
    if not {"reads", "writes", "returns"} & set(labels):
        yield "does not say what it reads, writes or returns"
    if "repeat" not in labels:
        yield "does not say whether a second call is safe"
    if labels != [label for label in LABELS if label in labels]:
        yield f"does not keep to the order {', '.join(LABELS)}"
