"""Each layer remembers by which rules it has applied its batches."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.fix_retail import Retail
from tidemark.layers import rulesets
from tidemark.layers.rulesets import Others
from tidemark.model import ServerName
from tidemark.trust import rebuild

VIEW = "stg/views/clean_customers.sql"
LAYERS: tuple[ServerName, ...] = ("mrr", "stg", "dwh")


@pytest.fixture
def folder(retail: Retail) -> Path:
    """The folder of the area, with files of its own that a test may change."""
    assert retail.area.folder is not None
    for layer in ("stg", "dwh"):
        linked = retail.area.folder / layer
        files = linked.resolve()
        linked.unlink()
        shutil.copytree(files, linked)
    return retail.area.folder


def change(path: Path) -> None:
    path.write_text(path.read_text() + "-- changed\n")


def told(retail: Retail) -> list[tuple[str, int, int, tuple[str, ...]]]:
    """Return what a rebuild would say of batches that were made by other rules."""
    found: list[object] = []
    rebuild.run(retail.servers, retail.area, dry_run=True, tell=found.append)
    others = [one for one in found if isinstance(one, Others)]
    return [(one.layer, one.first, one.last, one.paths) for one in others]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_batch_names_its_rules_in_each_layer(retail: Retail, folder: Path, layer: ServerName):
    retail.run()
    kept = """
        select r.path, t.content from tidemark.applied_batch as b
        join tidemark.ruleset as r on r.checksum = b.ruleset
        join tidemark.rule_text as t on t.checksum = r.text_checksum
    """
    texts = dict(retail.warehouse.rows(layer, kept))
    shared = {path for path in texts if path.startswith("platform/")}
    folders = {path: folder.parent if path in shared else folder for path in texts}
    assert texts == {path: (folders[path] / path).read_text() for path in texts}
    assert {"area.yml", VIEW, "dwh/views/sales.sql"} <= texts.keys()
    assert "platform/stg/routines/phones.sql" in shared


def test_each_text_is_kept_once(retail: Retail, folder: Path):
    retail.run()
    change(folder / VIEW)
    retail.run()
    retail.run()
    counts = """
        select (select count(*) from tidemark.rule_text),
            (select count(distinct checksum) from tidemark.ruleset),
            (select count(distinct ruleset) from tidemark.applied_batch)
    """
    ((texts, sets, used),) = retail.warehouse.rows("stg", counts)
    rules = rulesets.of(retail.area)
    assert rules is not None
    assert (texts, sets, used) == (len(set(rules.checksums.values())) + 1, 2, 2)
    assert rules.checksums[VIEW] == hashlib.sha256((folder / VIEW).read_bytes()).hexdigest()


def test_a_rebuild_says_which_batches_other_rules_have_made(retail: Retail, folder: Path):
    retail.run()
    assert told(retail) == []
    change(folder / VIEW)
    (folder / "dwh" / "views" / "new.sql").write_text("select 1;")
    retail.run()
    first = [(layer, 1, 1, ("dwh/views/new.sql", VIEW)) for layer in ("stg", "dwh")]
    assert told(retail) == first
    rebuild.run(retail.servers, retail.area)
    assert told(retail) == []


def test_a_rebuild_of_one_entity_leaves_the_batches_those_of_their_rules(
    retail: Retail, folder: Path
):
    retail.run()
    change(folder / VIEW)
    rebuild.run(retail.servers, retail.area, entity="customers")
    assert told(retail) == [(layer, 1, 1, (VIEW,)) for layer in ("stg", "dwh")]


def test_batches_from_before_rules_were_kept_are_told(retail: Retail):
    retail.run()
    retail.warehouse.execute("dwh", "update tidemark.applied_batch set ruleset = null")
    assert told(retail) == [("dwh", 1, 1, ())]
