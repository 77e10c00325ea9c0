"""What docs/tutorial.md tells to type works in an empty folder, and prints what it shows."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from tests.commands import run
from tests.docs.test_readme import shape
from tests.fix_servers import HOME, Warehouse
from tidemark.install.embedded import site
from tidemark.model import LAYERS

PAGE = (HOME / "docs" / "tutorial.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
URL = "postgresql://reader@db.example.com/shop"


def test_the_tutorial_leads_to_the_answer_that_it_shows(empty: Warehouse, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "tidemark"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tidemark "$@"\n', "utf-8")
    program.chmod(stat.S_IRWXU)
    path = os.pathsep.join([str(program.parent), str(site.installed()), os.environ["PATH"]])
    dsns = {f"TIDEMARK_{layer.upper()}_DSN": empty.dsn[layer] for layer in LAYERS}
    typed = "\n".join(text for kind, text in BLOCKS if kind == "bash")
    typed = typed.replace(URL, empty.dsn["operational"]).replace("init ", "init --area shop ")
    (tmp_path / "home").mkdir()
    env = {"PATH": path, "PYTHONPATH": str(HOME), **dsns}

    done = run(["bash", "-euc", typed], env, tmp_path / "home")

    assert (done.code, done.err) == (0, ""), done
    printed = set(shape(done.out))
    shown = [line for kind, text in BLOCKS if not kind for line in shape(text)]
    assert [line for line in shown if line not in printed] == []
    assert "Oslo | 100.00" in done.out
    area = (tmp_path / "home" / "sql" / "shop" / "area.yml").read_text("utf-8")
    assert [text for kind, text in BLOCKS if kind == "yaml" and text not in area] == []
