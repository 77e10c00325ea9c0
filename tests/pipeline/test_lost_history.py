"""After a restore a later layer has rows whose origin is gone: no rebuild removes them unasked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.commands import tidemark
from tests.fix_retail import Retail
from tidemark.declare.project import Project
from tidemark.errors import LostHistoryError
from tidemark.layers.ledger import Lost
from tidemark.layers.rulesets import Others
from tidemark.observe import doctor
from tidemark.trust import rebuild, verify

CITIES = """
    select city from dwh_dim_customers where customer_id = 1 order by valid_from
"""


def cities(retail: Retail) -> list[str]:
    return [city for (city,) in retail.warehouse.rows("dwh", CITIES)]


def move(retail: Retail, *places: str) -> None:
    for place in places:
        retail.change("customers", 1, city=place)
        retail.run()


def again(retail: Retail, **how: Any) -> tuple[list[tuple[str, str, tuple[int, ...]]], int]:
    """Rebuild; return what it said is lost, and how many versions of customers went."""
    told: list[Lost | Others] = []
    changes = rebuild.run(retail.servers, retail.area, tell=told.append, **how)
    removed = {one.table: one.removed for one in changes}
    lost = [(one.layer, one.sender, one.batches) for one in told if isinstance(one, Lost)]
    return lost, removed["dwh_dim_customers"]


def notes(retail: Retail) -> list[str]:
    return [note.partition(":")[0] for note in verify.run(retail.servers, retail.area).notes]


def warnings(retail: Retail) -> list[str]:
    found = doctor.examine(Project(retail.home), retail.servers)
    return [one.layer for one in found if "older backup" in one.what]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("on_top", [(), ("Metz",), ("Metz", "Caen")], ids=["none", "one", "two"])
def test_what_a_restored_mirror_lost_goes_only_when_that_is_accepted(
    retail: Retail, on_top: Sequence[str]
):
    retail.run()
    restore = retail.back_up("mrr")
    move(retail, "Lyon", "Nice")
    restore()
    move(retail, *on_top)
    kept = ["Paris", "Lyon", "Nice", *on_top]
    said = r"stg: it has applied 2 batches of retail that mrr lacks \(2 to 3, since 2.* --dry-run"
    with pytest.raises(LostHistoryError, match=said):
        again(retail)
    lost = [("stg", "mrr", (2, 3)), ("dwh", "stg", (2, 3))]
    assert again(retail, dry_run=True) == (lost, 2)
    assert (cities(retail), notes(retail), warnings(retail)) == (kept, ["stg"], ["stg"])

    assert again(retail, accept_lost_history=True) == (lost, 2)

    assert cities(retail) == ["Paris", *on_top]
    assert (again(retail), notes(retail), warnings(retail)) == (([], 0), [], [])
    retail.run()
    move(retail, "Bern")
    assert cities(retail)[-1] == "Bern"
    assert verify.run(retail.servers, retail.area).is_equal


def test_what_a_restored_stg_lost_is_staged_again_before_a_rebuild(retail: Retail):
    retail.run()
    restore = retail.back_up("stg")
    move(retail, "Lyon", "Nice")
    restore()
    with pytest.raises(LostHistoryError, match=r"^dwh: .* that stg lacks .*`tidemark run` first"):
        again(retail, origin="dwh")
    assert notes(retail) == ["dwh"]
    retail.run()
    assert (again(retail), notes(retail)) == (([], 0), [])
    assert cities(retail) == ["Paris", "Lyon", "Nice"]


def test_what_is_let_go_of_too_early_comes_with_the_next_batch(retail: Retail):
    retail.run()
    restore = retail.back_up("stg")
    move(retail, "Lyon", "Nice")
    restore()
    lost = [("dwh", "stg", (2, 3))]
    assert again(retail, origin="dwh", accept_lost_history=True) == (lost, 2)
    assert cities(retail) == ["Paris"]
    retail.run()
    assert cities(retail) == ["Paris", "Lyon", "Nice"]
    assert verify.run(retail.servers, retail.area).is_equal


def test_what_two_restored_layers_lost_is_said_of_the_star(retail: Retail):
    retail.run()
    backups = [retail.back_up("mrr"), retail.back_up("stg")]
    move(retail, "Lyon", "Nice")
    for restore in backups:
        restore()
    retail.run()
    with pytest.raises(LostHistoryError, match=r"^dwh: it has applied 2 batches .* that stg lacks"):
        again(retail)
    assert (notes(retail), cities(retail)) == (["dwh"], ["Paris", "Lyon", "Nice"])


def test_a_restored_star_has_lost_nothing_that_a_rebuild_could_take(retail: Retail):
    retail.run()
    restore = retail.back_up("dwh")
    move(retail, "Lyon", "Nice")
    restore()
    assert (again(retail), notes(retail), warnings(retail)) == (([], 0), [], [])
    assert cities(retail) == ["Paris", "Lyon", "Nice"]


def test_a_mirror_that_is_made_anew_has_lost_all(retail: Retail):
    restore = retail.back_up("mrr")
    retail.run()
    restore()
    with pytest.raises(LostHistoryError, match=r"1 batches of retail that mrr lacks \(1 to 1,"):
        again(retail)
    retail.run()
    with pytest.raises(LostHistoryError, match="that mrr lacks"):
        again(retail)


def test_what_one_entity_lost_is_still_said_of_the_others(retail: Retail):
    retail.run()
    restore = retail.back_up("mrr")
    move(retail, "Lyon", "Nice")
    restore()
    retail.run()
    with pytest.raises(LostHistoryError, match="that mrr lacks"):
        again(retail, entity="customers")
    again(retail, entity="customers", accept_lost_history=True)
    assert notes(retail) == ["stg"]


@pytest.mark.further
def test_a_rebuild_says_on_the_terminal_what_it_lost(retail: Retail):
    retail.run()
    restore = retail.back_up("mrr")
    move(retail, "Lyon", "Nice")
    restore()
    refused = tidemark("rebuild", env=retail.environment)
    shown = tidemark("rebuild", "--dry-run", env=retail.environment)
    done = tidemark("rebuild", "--accept-lost-history", env=retail.environment)
    assert (refused.code, shown.code, done.code) == (6, 0, 0)
    assert "would be lost: stg: it has applied 2 batches" in shown.out
    assert "\nlost: dwh: it has applied 2 batches" in done.out
    for told in (refused.err, shown.out, done.out):
        assert re.findall(r"(...) (lacks|loses, too) .*?: (...) came back", told) == [
            ("mrr", "lacks", "mrr"),
            ("stg", "loses, too", "mrr"),
        ]
