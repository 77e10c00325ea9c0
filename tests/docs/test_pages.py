"""The pages agree with the program, with each other and with the files that they point to."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from tests.commands import tidemark
from tests.fix_servers import HOME, SERVERS, Warehouse
from tidemark.cli import app
from tidemark.declare import check, config, entity, project, settings, star

DOCS = HOME / "docs"
PAGES = sorted(
    [
        *(HOME / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *HOME.glob("tests/*.md"),
        *DOCS.rglob("*.md"),
    ]
)
COMMANDS: Mapping[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
OPTIONS_OF_ALL = {"--help", "--json"}
NAMES = {*SERVERS, "customers", "products", "sales"}
"""Keys of JSON objects that are names of layers or entities."""
OPEN = {"event", "info", "key", "row_data", "sample"}


def section(page: str, title: str) -> str:
    """Return the text under a heading of the second level."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {title}"
    return found[1]


def fenced(text: str, language: str, begin: str = "") -> list[str]:
    """Return the blocks of a page in a language that begin in a way."""
    return re.findall(rf"^ *```{language}\n({begin}.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def table(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, without their heads."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return cells[2:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(HOME).as_posix())
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text("utf-8"))

    assert [link for link in links if not _exists(page, *link)] == []


def _exists(page: Path, link: str, heading: str) -> bool:
    target = (page.parent / link).resolve() if link else page
    if not target.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE) if heading else []
    return not heading or heading in {
        re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles
    }


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [HOME / "README.md"]
    while todo:
        page = todo.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
            todo += [(page.parent / link).resolve() for link in links]

    pages = {page for page in PAGES if page.parent != DOCS / "decisions"}
    assert pages - reached == set()


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/guarantees.md"])
def test_the_proofs_of_a_promise_are_there(page: str) -> None:
    """The first of a cell has its folder, and those after it are in the same one."""
    cells = [row[-1] for row in table((HOME / page).read_text("utf-8"))]
    named = []
    for cell in cells:
        folder = ""
        for path in re.findall(r"`([\w/]*test_\w+\.py)`", cell):
            folder = path.rpartition("/")[0] or folder
            named.append(f"{folder}/{path.rpartition('/')[2]}")

    assert named
    assert [path for path in named if not (HOME / path).is_file()] == []


def test_what_is_named_to_contributors_is_there() -> None:
    text = (HOME / "CONTRIBUTING.md").read_text("utf-8")
    folders = r"(?:tidemark|tests|docs|sql|scripts|dags|docker|benchmarks)/"
    paths = re.findall(rf"(?<![\w/]){folders}[\w./-]*[\w/]", text)
    rooms = table(text[text.index("| from the top |") :])
    named = re.findall(r"`([\w.]+/?)`", " ".join(room for room, _ in rooms))

    assert len(named) > 10
    assert {
        p for p in [*paths, *(f"tidemark/{p}" for p in named)] if not (HOME / p).exists()
    } == set()


def test_what_the_architecture_names_is_there_and_no_room_is_left_out() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    paths = re.findall(r"`(tidemark/[\w./]+)`", text)
    rooms = {path.parent for path in (HOME / "tidemark").glob("*/__init__.py")}

    assert {path for path in paths if not (HOME / path).exists()} == set()
    assert {HOME / path for path in paths if path.endswith("/")} == rooms


def test_a_word_of_the_glossary_means_one_thing() -> None:
    words = [
        word
        for row in table((DOCS / "glossary.md").read_text("utf-8"))
        for word in row[0].split(" / ")
    ]

    assert len(words) > 30
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_section_with_an_example_and_its_options(command: str) -> None:
    text = section("commands.md", command)

    assert re.search(rf"^\$ .*\btidemark {command}\b", text, re.MULTILINE)
    shown = [p for p in COMMANDS[command].params if not getattr(p, "hidden", False)]
    options = {name for p in shown for name in p.opts if name.startswith("--")}
    assert {o for o in options - OPTIONS_OF_ALL if f"`{o}" not in text} == set()


def test_every_section_of_commands_is_a_command() -> None:
    titles = re.findall(r"^## (.*)$", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE)

    assert titles == [*COMMANDS, "JSON"]


def test_the_options_of_the_sample_are_documented() -> None:
    options = set(re.findall(r"--[a-z-]{3,}", tidemark("seed", "--help", env={}).out))

    assert {
        o for o in options - OPTIONS_OF_ALL if f"`{o}`" not in section("commands.md", "seed")
    } == set()


def test_the_exit_codes_are_those_of_the_help() -> None:
    page = (DOCS / "commands.md").read_text("utf-8").partition("| exit code |")[2]

    said = tidemark("--help", env={}).out.partition("Exit codes: ")[2]
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == re.findall(r"(\d+)\s+[a-z]", said)


def test_the_commands_that_print_json_are_listed() -> None:
    printing = {name for name, c in COMMANDS.items() if any("--json" in p.opts for p in c.params)}

    assert set(_json_keys()) == printing


@pytest.mark.parametrize("command", ["doctor", "migrate", "status", "rejects", "monitor"])
def test_json_has_the_keys_that_are_documented(shop: Warehouse, command: str) -> None:
    printed = tidemark(command, "--json", env=shop.environment).json

    assert set(_keys(printed)) - NAMES == _json_keys()[command]


def test_the_json_of_a_plan_has_the_keys_that_are_documented(warehouse: Warehouse) -> None:
    warehouse.execute("operational", "alter table customers add column vip boolean")
    printed = tidemark("plan", "--json", env=warehouse.environment).json

    assert set(_keys(printed)) - NAMES == _json_keys()["plan"]


def test_the_json_of_a_run_has_the_keys_that_are_documented(warehouse: Warehouse) -> None:
    printed = tidemark("run", "--json", env=warehouse.environment).json

    assert set(_keys(printed)) - NAMES == _json_keys()["run"]


def _json_keys() -> dict[str, set[str]]:
    rows = table(section("commands.md", "JSON"))
    return {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows}


def _keys(value: Any) -> Iterator[str]:
    """Yield the keys of all objects in a value; what is in a source's own objects is its own."""
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key not in OPEN:
                yield from _keys(item)


@pytest.mark.parametrize("name", ["area", "project"])
def test_the_schema_for_editors_is_that_of_the_models(name: str) -> None:
    written = json.loads((HOME / "sql" / f"{name}.schema.json").read_text("utf-8"))

    assert written == project.json_schemas()[name]


def test_every_key_of_area_yml_is_documented_and_no_other() -> None:
    keys: list[str] = []
    for row in table(section("areas.md", "area.yml")):
        for key in re.findall(r"`([^`]*)`", row[0]):
            prefix = keys[-1].partition(".")[0] if key.startswith(".") else ""
            keys.append(prefix + key.strip())

    nested: dict[str, type[BaseModel]] = {
        "alerts": settings.Alerts,
        "dimension": star.DeclaredDimension,
        "fact": star.DeclaredFact,
        "monitor": settings.Monitor,
        "retention": settings.Retention,
        "source": settings.Postgres,
        "source.limits": settings.Limits,
    }
    fields, own = config.Area.model_fields, entity.Entity.model_fields
    assert sorted(keys) == sorted(
        [
            "entities.<name>",
            "checks[]",
            *({f.alias or n for n, f in fields.items()} - {*nested, "entities", "checks"}),
            *({f.alias or n for n, f in own.items()} - {"name", "dimension", "fact"}),
            *(
                f"{key}.{name}"
                for key, model in nested.items()
                for name in model.model_fields
                if f"{key}.{name}" not in nested
            ),
        ]
    )


def test_every_key_of_project_yml_is_documented_and_no_other() -> None:
    keys = [row[0].strip("` ") for row in table(section("areas.md", "project.yml"))]

    calendar = [f"calendar.{name}" for name in settings.Calendar.model_fields]
    assert keys == ["default_area", *calendar]
    assert list(settings.Settings.model_fields) == ["calendar", "default_area"]


@pytest.mark.parametrize(
    ("key", "model"), [("checks[]", check.Check), ("fact.dimensions", star.Role)]
)
def test_the_keys_of_a_list_are_in_its_row(key: str, model: type[BaseModel]) -> None:
    rows = {row[0].strip("` "): row[1] for row in table(section("areas.md", "area.yml"))}

    assert [name for name in model.model_fields if not re.search(rf"\b{name}\b", rows[key])] == []


def test_the_errors_that_areas_quotes_are_said(warehouse: Warehouse, tmp_path: Path) -> None:
    quoted = re.findall(r"^error: .*", (DOCS / "areas.md").read_text("utf-8"), re.MULTILINE)

    warehouse.execute(
        "operational",
        "insert into customers (name, updated_at) "
        "select 'Ada', '2025-01-01Z' from generate_series(1, 3)",
    )
    tidemark("run", env=warehouse.environment)
    warehouse.execute("operational", "truncate customers cascade")
    emptied = tidemark("run", env=warehouse.environment).err
    warehouse.execute("operational", "alter table customers alter phone type varchar(20)")
    retyped = tidemark("run", env=warehouse.environment).err
    shutil.copytree(HOME / "sql", tmp_path / "sql")
    area = tmp_path / "sql" / "retail" / "area.yml"
    area.write_text(area.read_text("utf-8").replace("watermark:", "watermrk:", 1), "utf-8")
    misspelt = tidemark("run", env={**warehouse.environment, "TIDEMARK_HOME": str(tmp_path)}).err

    assert quoted == [misspelt.strip(), emptied.strip(), retyped.strip()]


def test_what_can_go_wrong_is_said_like_that() -> None:
    """A placeholder there (X, N, LAYER, …) splits the message into pieces."""
    texts = [
        path.read_text("utf-8")
        for folder in ("tidemark", "sql", "docker")
        for path in (HOME / folder).rglob("*")
        if path.suffix in {".py", ".sql", ""} and path.is_file()
    ]
    # As one text: what is said may go over several lines of a program.
    said = re.sub(r'"\s*\n\s*f?r?"', "", "\n".join(texts))
    quoted = [
        piece.strip(" :")
        for row in table(section("operations.md", "What can go wrong"))
        for words in re.findall(r"`([^`]+)`", row[0])
        for piece in re.split(r"…|\b[A-Z]{2,}\b|\b[XYN]\b|\bpid\b|\bAREA/sample/FILE\b", words)
    ]

    assert len(quoted) > 30
    postgres = {'role "tidemark_etl" does not exist'}
    missing = {piece for piece in quoted if len(piece) > 5 and piece not in said}
    assert missing - postgres == set()
