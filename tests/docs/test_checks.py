"""What docs/checks.md declares is caught, shown and accepted as the page says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from tests.commands import tidemark
from tests.fix_servers import HOME, Warehouse
from tidemark.declare import yamlfiles
from tidemark.declare.check import Check, OfRows
from tidemark.declare.check_kinds import KINDS, RowCount

PAGE = (HOME / "docs" / "checks.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ tidemark (.*)$", PAGE, re.MULTILINE)
BUY = """
    update sales set quantity = 150, discount = 0, updated_at = clock_timestamp()
    where sale_id = (select max(sale_id) from sales where status = 'completed')
"""


def with_checks_of_the_page(folder: Path) -> Path:
    """Copy the areas, and add the checks of the page to those of retail."""
    shutil.copytree(HOME / "sql", folder / "sql")
    [declared] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    more = yamlfiles.loaded(declared, "checks.md")
    path = folder / "sql" / "retail" / "area.yml"
    area = yamlfiles.parsed(path, "area.yml")
    area["entities"]["customers"]["checks"] = more["entities"]["customers"]["checks"]
    area["checks"] += more["checks"]
    path.write_text(yaml.safe_dump(area, sort_keys=False), "utf-8")
    return folder


def test_a_broken_check_is_shown_and_accepted_as_the_page_says(seeded: Warehouse, tmp_path: Path):
    look, run, accept = (command.split() for command in COMMANDS)
    assert tidemark("run", "retail", env=seeded.environment).code == 0
    looked = tidemark(*look, env=seeded.environment)
    assert (looked.code, looked.out.count("PASSED")) == (0, 9)
    own = {**seeded.environment, "TIDEMARK_HOME": str(with_checks_of_the_page(tmp_path))}
    assert tidemark("run", "retail", env=own).code == 0
    seeded.execute("operational", BUY)
    seeded.execute("operational", "select pg_sleep(1.1)")  # The margin of windows.
    done = tidemark(*run, env=own)
    said = "error: retail: check 'no_large_sales' failed on dwh: its query returns 1 row; at most 0"
    assert (done.code, done.err.startswith(said)) == (8, True), done
    [logged] = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)
    [(name, layer, severity, status, value, bound, sample)] = seeded.rows("dwh", logged)
    assert (name, layer, severity, status) == ("no_large_sales", "dwh", "fail", "FAILED")
    assert (value, bound, [*sample[0]]) == (1, "at most 0", ["original_sale_id"])
    assert tidemark(*accept, env=own).code == 0
    assert tidemark(*look, env=own).code == 8
    who = "select count(*) from dq_check_logs where accepted_by is not null"
    assert seeded.rows("dwh", who) == [(1,)]


def test_every_kind_and_every_key_is_documented():
    kinds = re.findall(r"^\| `(\w+): ", PAGE, re.MULTILINE)
    assert kinds == [*KINDS]
    keys = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)
    fields = {*Check.model_fields, *OfRows.model_fields, *RowCount.model_fields}
    assert {*keys} >= fields - {*KINDS}
