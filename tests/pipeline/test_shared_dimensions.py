"""Facts of one area that point at a dimension of another one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import fix_citus
from tests.fix_areas import Dimension, Fact, Made, Make, write
from tests.fix_retail import PATIENCE, wait_until
from tests.queries import execute
from tidemark.batch import pipeline, publish
from tidemark.declare.project import Project
from tidemark.errors import ContractError, LockedError, MigrationError
from tidemark.install import migrate, reset
from tidemark.model import HOPS, Overrides
from tidemark.observe import history, plan, status
from tidemark.postgres import settings
from tidemark.postgres.sessions import Servers
from tidemark.star import schema
from tidemark.trust import rebuild

PEOPLE = Dimension(
    {"id": "int", "v": "text", "since": "timestamptz", "updated_at": "timestamptz"},
    ("id",),
    entity="people",
    source=("public", "people"),
    mrr="mrr_people",
    stg="stg_people",
    table="dim_people",
    surrogate="person_key",
    effective="since",
    settings={"deletes": "detect", "max_delete_ratio": 1.0},
)
EVENTS = Fact(
    {"no": "int", "id": "int", "at": "timestamptz"}, ("no",), "at", {"k": "people.people"}
)
JAN, MID, FEB, MAR, APR = (f"2025-{day}Z" for day in ("01-01", "01-15", "02-01", "03-01", "04-01"))
KEY = "alter table fact_events add foreign key (k) references people.dim_people deferrable;"


@dataclass
class Both:
    """The area with the dimension, which comes second by name, and the one with the facts."""

    people: Made
    made: Made

    def person(self, number: int, v: str, since: str) -> None:
        """Change a person, or add one, and run the area."""
        self.people.change(
            PEOPLE, "v = %s, since = %s, updated_at = now()", [v, since], f"id = {number}"
        )
        if not self.people.warehouse.rows("operational", f"select from people where id = {number}"):
            self.people.put(PEOPLE, (number, v, since, "now"))
        self.people.run()

    def facts(self) -> list[tuple[Any, ...]]:
        """Return which version each fact points at."""
        query = """
            select f.no, d.id, d.v from fact_events as f
            inner join people.dim_people as d on f.k = d.person_key order by 1
        """
        return self.made.warehouse.rows("dwh", query)

    def differences(self) -> list[Any]:
        return [*self.people.differences(), *self.made.differences()]


@pytest.fixture
def both(made: Make, tmp_path: Path) -> Both:
    """Two areas, whose tables migrate has made in the order that the foreign key needs."""
    write(tmp_path, PEOPLE, area="people", schema="people", landing_schema=None)
    keys = tmp_path / "sql" / "made" / "dwh" / "02_keys.sql"
    keys.parent.mkdir(parents=True)
    if not fix_citus.COORDINATOR:  # Workers check a foreign key at once.
        keys.write_text(KEY)
    events = made(EVENTS)
    people = Project(tmp_path)
    area = people.area("people")
    events.area = people.area("made")
    return Both(Made(events.warehouse, events.servers, area, tmp_path), events)


@pytest.fixture
def filled(both: Both) -> Both:
    both.people.put(PEOPLE, (8, "other", JAN, JAN))
    both.person(1, "a", JAN)
    both.made.put(EVENTS, (1, 1, FEB), (2, 1, APR), (3, None, APR))
    both.made.run()
    assert both.facts() == [(1, 1, "a"), (2, 1, "a"), (3, None, None)]
    return both


def test_readers_of_the_other_areas_facts_are_held_too(filled: Both):
    people = filled.people
    area = people.area.model_copy(update={"distribution": "citus"})
    held = """
        select relation::regclass::text from pg_locks as l
        inner join pg_class as c on l.relation = c.oid
        where pid = pg_backend_pid() and mode = 'AccessExclusiveLock' and relkind = 'p'
    """
    with people.servers.session("stg", "test") as stg, people.servers.session("dwh", "test") as dwh:
        star = schema.read(stg, dwh, area)
        with dwh.transaction():
            publish.hold_readers(dwh, area, star)
            assert dwh.rows(held) == [("fact_events",)]


def test_facts_follow_late_superseded_deleted_and_returned_versions(filled: Both):
    filled.person(1, "b", MAR)
    assert filled.facts()[:2] == [(1, 1, "a"), (2, 1, "b")]
    filled.person(1, "c", MID)
    assert filled.facts()[:2] == [(1, 1, "c"), (2, 1, "b")]
    filled.person(1, "b", MID)
    assert filled.facts()[:2] == [(1, 1, "b"), (2, 1, "b")]
    keys = "select count(distinct k) from fact_events where k <> 0"
    assert filled.made.warehouse.rows("dwh", keys) == [(1,)]
    filled.people.delete(PEOPLE, "id = %s", [1])
    filled.people.run()
    filled.made.put(EVENTS, (4, 1, "2035-01-01Z"))
    filled.made.run()
    assert filled.facts()[3] == (4, 1, "b")
    filled.person(1, "back", JAN)
    assert filled.facts()[3] == (4, 1, "back")
    assert filled.differences() == []


def test_facts_that_come_first_infer_what_the_dimension_then_fills(both: Both):
    both.made.put(EVENTS, (1, 1, FEB), (2, 1, APR), (3, 9, APR))
    done = both.made.run()
    assert done.hops[-1].entities["people.people"].inferred == 2
    assert both.facts() == [(1, 1, None), (2, 1, None), (3, 9, None)]
    both.people.put(PEOPLE, (1, "a", JAN, JAN))
    pipeline.run_hop(both.people.servers, both.people.area, "extract")
    both.people.change(PEOPLE, "v = 'b', since = %s, updated_at = now()", [MAR])
    published = both.people.run().hops[-1]
    assert published.entities["made.events"].repointed == 1
    assert both.facts() == [(1, 1, "a"), (2, 1, "b"), (3, 9, None)]
    assert both.differences() == []
    both.person(9, "z", JAN)
    assert both.facts()[2] == (3, 9, "z")
    assert both.differences() == []


def test_neither_refresh_nor_the_order_of_hops_misleads_a_fact(filled: Both):
    filled.people.change(PEOPLE, "v = 'b', since = %s, updated_at = now()", [MAR])
    filled.made.put(EVENTS, (4, 2, APR))
    for hop in HOPS:
        for area in (filled.people, filled.made):
            pipeline.run_hop(area.servers, area.area, hop)
    assert filled.facts()[1:] == [(2, 1, "b"), (3, None, None), (4, 2, None)]
    before = filled.made.warehouse.rows("dwh", "select no, k, _batch_id from fact_events")
    for area, name in ((filled.people, "people"), (filled.made, "events")):
        pipeline.run(area.servers, area.area, overrides=Overrides(refresh=frozenset({name})))
    assert filled.made.warehouse.rows("dwh", "select no, k, _batch_id from fact_events") == before
    assert filled.differences() == []


DAMAGES = {
    "a version too many": (
        "insert into people.dim_people (id, v, valid_from, valid_to, is_current, changed_at,"
        " _batch_id) select 1, 'x', '2025-03-15Z', valid_to, false, '2025-03-15Z', 1"
        " from people.dim_people where v = 'b';"
        " update fact_events set k = (select max(person_key) from people.dim_people) where no = 2"
    ),
    "a version too few": (
        "update fact_events set k = (select person_key from people.dim_people where v = 'a')"
        " where no = 2; delete from people.dim_people where v = 'b'"
    ),
    "a member of nobody": (
        "insert into people.dim_people (id, v, valid_from, valid_to, is_current, changed_at,"
        " _batch_id) values (7, 'x', '1900-01-01Z', '9999-12-31Z', true, '2025-01-01Z', 1);"
        " update fact_events set k = (select max(person_key) from people.dim_people) where no = 2"
    ),
}


def test_a_rebuild_of_the_dimension_points_facts_at_its_versions(filled: Both):
    filled.person(1, "b", MAR)
    right = filled.facts()[:2]
    assert right == [(1, 1, "a"), (2, 1, "b")]
    for name, damage in DAMAGES.items():
        filled.made.warehouse.execute("dwh", damage)
        rebuild.run(filled.people.servers, filled.people.area)
        is_lost = name == "a member of nobody"
        assert filled.facts()[1] == ((2, 7, None) if is_lost else (2, 1, "b")), name
        assert filled.people.differences() == []
    rebuild.run(filled.made.servers, filled.made.area)
    assert filled.facts()[:2] == right
    assert filled.made.differences() == []


@pytest.mark.further
def test_each_is_locked_for_what_the_other_writes(filled: Both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "PATIENCE", "100ms")
    servers, holder = filled.made.servers, filled.made.warehouse.connect("dwh")
    for area, other in (("made", "people"), ("people", "made")):
        execute(holder, f"begin; select from tidemark.lock where name = 'run {other}' for update")
        mine = Project(filled.made.home).area(area)
        batch = pipeline.run_hop(servers, mine, "extract").batch_id
        pipeline.run_hop(servers, mine, "stage", batch)
        said = f"^{area}: another process works on {other}, which shares a dimension with it, still"
        for work in (
            lambda area=mine, batch=batch: pipeline.run_hop(servers, area, "publish", batch),
            lambda area=mine: pipeline.run(servers, area),
            lambda area=mine: rebuild.run(servers, area),
        ):
            with pytest.raises(LockedError, match=said):
                work()
        execute(holder, "rollback")
    holder.close()


def several(area: Made, change: Callable[[int], None]) -> int:
    """Change the source of an area and run it, five times, in a process's own sessions."""
    with Servers(area.warehouse.dsn) as servers:
        for number in range(5):
            change(number)
            pipeline.run(servers, area.area)
    return 5


def test_two_that_run_at_once_wait_for_each_other_and_end_right(filled: Both):
    """Each time both have something for the other: a version, and a person yet unknown."""

    def live(number: int) -> None:
        to, since = f"v = 'v{number}', since = %s, updated_at = now()", f"2025-0{number + 1}-10Z"
        filled.people.change(PEOPLE, to, [since])

    def happen(number: int) -> None:
        filled.made.put(EVENTS, *((100 + 9 * number + n, 1 + n % 3, MAR) for n in range(9)))

    with ThreadPoolExecutor(2) as pool:
        both = (
            pool.submit(several, filled.people, live),
            pool.submit(several, filled.made, happen),
        )
        assert [one.result(PATIENCE) for one in both] == [5, 5]
    assert filled.differences() == []


WAITING = """
    select count(*) from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
"""
END_THE_HOLDER = """
    select pg_terminate_backend(a.pid) from tidemark.lock as k
    inner join pg_stat_activity as a on k.xmax = a.backend_xid where k.name = 'run people'
"""


def test_a_publish_waits_for_one_that_lost_its_lock(filled: Both):
    """The other one still writes the facts of this area, and only its number tells."""
    filled.people.change(PEOPLE, "v = 'b', since = %s, updated_at = now()", [MAR])
    filled.made.put(EVENTS, (4, 1, APR))
    warehouse = filled.made.warehouse
    with (
        Servers(warehouse.dsn) as one,
        Servers(warehouse.dsn) as other,
        ThreadPoolExecutor(2) as pool,
        closing(warehouse.connect("dwh")) as holder,
    ):
        execute(holder, "begin; lock table fact_events in share mode")
        first = pool.submit(pipeline.run, one, filled.people.area)
        wait_until(lambda: warehouse.rows("dwh", WAITING) == [(1,)])
        warehouse.rows("dwh", END_THE_HOLDER)
        second = pool.submit(pipeline.run, other, filled.made.area)
        wait_until(lambda: warehouse.rows("dwh", WAITING) == [(2,)])
        execute(holder, "rollback")
        first.exception(PATIENCE)  # It may find that the other one has its lock.
        second.result(PATIENCE)
    assert filled.facts()[3] == (4, 1, "b")
    assert filled.differences() == []


def test_what_the_other_area_lacks_is_told_before_anything_moves(filled: Both):
    warehouse = filled.made.warehouse
    warehouse.execute("dwh", "alter table fact_events rename column k to kk")
    with pytest.raises(
        ContractError, match=r"^dwh: facts of public\.fact_events point at people\.dim"
    ):
        filled.person(1, "b", MAR)
    assert any("'k'" in stop for stop in plan.make(filled.made.servers, filled.made.area).stops)
    warehouse.execute("dwh", "alter table fact_events rename column kk to k")
    hasty = "alter table fact_events alter constraint fact_events_k_fkey not deferrable"
    warehouse.execute("dwh", hasty)
    with pytest.raises(ContractError, match=r"is not deferrable.*new file of sql/made/dwh/"):
        filled.people.run()
    warehouse.execute("dwh", hasty.replace("not ", ""))
    warehouse.execute("dwh", "alter table people.dim_people rename column id to idd")
    filled.made.put(EVENTS, (4, 1, APR))
    with pytest.raises(ContractError, match="no column 'id', but entities"):
        filled.made.run()


def shown(both: Both) -> list[Any]:
    found = history.read(
        both.people.servers, both.people.area, both.people.area.entity("people"), ["1"]
    )
    return [
        dict(zip(found.columns, version, strict=True)).get("made.events")
        for version in found.versions
    ]


@pytest.mark.further
def test_history_counts_the_facts_of_all_areas(filled: Both):
    filled.person(1, "b", MAR)
    assert shown(filled) == [1, 1]
    marks = [mark.table for mark in status.read(filled.made.servers, filled.made.area).marks]
    assert marks == ["fact_events"]


def test_an_area_that_is_not_migrated_holds_nobody_up(filled: Both):
    filled.made.warehouse.execute("dwh", "drop table fact_events")
    filled.person(1, "b", MAR)
    assert shown(filled) == [None, None]


@pytest.mark.further
def test_what_others_use_is_reset_after_them(filled: Both):
    project, before = Project(filled.made.home), filled.facts()
    servers = filled.made.servers
    for work in (
        lambda: reset.find(servers, project, project.area("people"), "dwh"),
        lambda: reset.run(servers, project, project.area("people"), reset.behind(())),
    ):
        with pytest.raises(MigrationError, match=r"events.*of made.* `tidemark reset made` first"):
            work()
    reset.run(servers, project, project.area("made"), reset.behind(()))
    migrate.migrate(project, servers)
    filled.made.run()
    assert filled.facts() == before
    for name in ("made", "people"):
        reset.run(servers, project, project.area(name), reset.behind(()))
    migrate.migrate(project, servers)
    for area in (filled.people, filled.made):
        area.run()
    assert filled.facts() == before
    assert filled.differences() == []
