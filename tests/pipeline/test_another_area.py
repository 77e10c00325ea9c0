"""An area that is nothing like the sample runs from end to end."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tests.fix_servers import HOME, SERVERS, Warehouse, connect, database
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.layers import rejects
from tidemark.model import END_OF_TIME, ServerName
from tidemark.observe import history, plan, status
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult

MAY, JUNE = datetime(2025, 5, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
ID, OTHER = UUID(int=1), UUID(int=2)

BED = """
    insert into "Park & Co"."Beds"
    values (%s, %s, %s, %s, %s, '{a,b}', '{nettle}', '{"a": [1, null]}', '\\x00ff')
    on conflict ("Garden", "Bed N""o") do update set
        ("Soil", "100%% {Shade}", "Gardener", "Changed At")
        = (excluded."Soil", excluded."100%% {Shade}", excluded."Gardener", now())
"""
WATERING = 'insert into "Park & Co"."Waterings" values (%s, %s, %s, %s, %s)'
VERSIONS = """
    select "Garden", "Bed N""o", "Soil", "100% {Shade}", "Gardener", is_inferred
    from "Bed Versions" where "Bed Key" <> 0 order by 1, 2, valid_from
"""
POINTS = """
    select w."Id", v."Garden", v."Bed N""o", v."Soil", w.litres, w.day_key
    from waterings as w inner join "Bed Versions" as v using ("Bed Key") order by w."At"
"""


@dataclass
class Gardens:
    warehouse: Warehouse
    servers: Servers
    area: Area

    def bed(self, garden: str, number: int, soil: str, shade: int, gardener: str | None) -> None:
        """Make a bed, or change it; it is stamped now."""
        row = [garden, number, soil, shade, gardener]
        self.warehouse.execute("operational", BED, row)

    def water(self, at: datetime, garden: str | None, number: int, id_: UUID = ID) -> None:
        self.warehouse.execute("operational", WATERING, [str(id_), garden, number, 2.5, at])

    def run(self) -> BatchResult:
        return pipeline.run(self.servers, self.area)


@pytest.fixture
def gardens(servers: dict[ServerName, str], tmp_path: Path) -> Iterator[Gardens]:
    """Four migrated databases that hold the area `gardens` alone."""
    (tmp_path / "sql").mkdir()
    for name, folder in {"platform": HOME, "gardens": HOME / "tests" / "gardens"}.items():
        (tmp_path / "sql" / name).symlink_to(folder / "sql" / name)
    project = Project(tmp_path)
    with ExitStack() as stack:
        for layer in SERVERS:
            server = connect(servers[layer])
            stack.callback(server.close)
            execute(server, "create database gardens")
            stack.callback(execute, server, "drop database gardens with (force)")
        dsn = {layer: database(servers[layer], "gardens") for layer in SERVERS}
        warehouse = Warehouse(dsn)
        stack.callback(warehouse.close)
        opened = stack.enter_context(Servers(dsn))
        migrate.migrate(project, opened)
        yield Gardens(warehouse, opened, project.area())


def test_versions_and_facts_come_out_right(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.bed("Tivoli", 2, "clay", 20, "Eve")
    gardens.water(JUNE, "Tivoli", 1)
    gardens.run()
    gardens.bed("Tivoli", 1, "loam", 10, "Ann")
    gardens.run()
    assert gardens.warehouse.rows("dwh", VERSIONS) == [
        ("tivoli", 1, "clay", 10, "Ann", False),
        ("tivoli", 1, "loam", 10, "Ann", False),
        ("tivoli", 2, "clay", 20, "Eve", False),
    ]
    assert gardens.warehouse.rows("dwh", POINTS) == [(str(ID), "tivoli", 1, "clay", 2.5, 20250601)]


def test_a_first_version_starts_when_it_was_written(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.run()
    stamps = gardens.warehouse.rows("operational", 'select "Changed At" from "Park & Co"."Beds"')
    query = 'select valid_from, valid_to from "Bed Versions" where "Bed Key" <> 0'
    assert gardens.warehouse.rows("dwh", query) == [(*stamps[0], END_OF_TIME)]


def test_values_of_every_type_arrive_as_they_were(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.run()
    query = """
        select "Tags", "Weeds"::text, "Notes", encode("Plan", 'hex')
        from "Bed Versions" where "Bed Key" <> 0
    """
    assert gardens.warehouse.rows("dwh", query) == [
        (["a", "b"], "{nettle}", {"a": [1, None]}, "00ff")
    ]


def test_an_unchanged_source_writes_nothing(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.water(JUNE, "Tivoli", 1)
    assert gardens.run().changed > 0
    assert gardens.run().changed == 0


def test_a_fact_may_come_before_its_dimension_and_without_one(gardens: Gardens):
    gardens.water(MAY, "Tivoli", 1)
    gardens.water(JUNE, None, 1, id_=OTHER)
    gardens.run()
    inferred = gardens.warehouse.rows("dwh", VERSIONS)
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.run()
    assert inferred == [("tivoli", 1, None, None, None, True)]
    assert gardens.warehouse.rows("dwh", VERSIONS) == [("tivoli", 1, "clay", 10, "Eve", False)]
    assert gardens.warehouse.rows("dwh", POINTS) == [
        (str(ID), "tivoli", 1, "clay", 2.5, 20250501),
        (str(OTHER), None, None, None, 2.5, 20250601),
    ]


def test_a_fact_of_a_full_extract_is_moved_in_time(gardens: Gardens):
    gardens.water(MAY, None, 1)
    gardens.run()
    gardens.warehouse.execute("operational", 'update "Park & Co"."Waterings" set "At" = %s', [JUNE])
    gardens.run()
    assert gardens.warehouse.rows("dwh", 'select "At", day_key from waterings') == [
        (JUNE, 20250601)
    ]


def test_of_keys_that_cleansing_makes_equal_one_is_refused(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.bed(" TIVOLI", 1, "loam", 10, "Ann")
    gardens.bed("TIVOLI", 1, "loam", 101, "Ann")
    gardens.bed("Tivoli", 2, "clay", 10, "Eve")
    gardens.bed(" ", 3, "clay", 10, None)
    gardens.run()
    with gardens.servers.session("stg", "rejects") as stg:
        found = rejects.listing(stg, gardens.area, entity="beds", resolved=False, limit=9)
    assert sorted((str(reject.key), reject.reasons) for reject in found) == [
        ("{'Garden': ' ', 'Bed N\"o': 3}", ["key is missing", "nobody's bed"]),
        ("{'Garden': 'TIVOLI', 'Bed N\"o': 1}", ["more than 100% {shade}"]),
        ("{'Garden': 'Tivoli', 'Bed N\"o': 1}", ["key is taken by  TIVOLI, 1"]),
    ]
    assert [row[:3] for row in gardens.warehouse.rows("dwh", VERSIONS)] == [
        ("tivoli", 1, "loam"),
        ("tivoli", 2, "clay"),
    ]


def test_what_operators_ask_is_answered(gardens: Gardens):
    gardens.bed("Tivoli", 1, "clay", 10, "Eve")
    gardens.water(JUNE, "Tivoli", 1)
    planned = plan.make(gardens.servers, gardens.area)
    gardens.run()
    beds = gardens.area.entity("beds")
    shown = history.read(gardens.servers, gardens.area, beds, ["tivoli", "1"])
    assert [(entity.entity, entity.rows) for entity in planned.entities] == [
        ("beds", 1),
        ("waterings", 1),
    ]
    assert history.most_changed(gardens.servers, beds) == ("tivoli", "1")
    assert len(shown.versions) == 1
    assert [astuple(rows) for rows in status.layer_rows(gardens.servers, gardens.area)] == [
        ("beds", 1, 1, 1, 0, 2),
        ("waterings", 1, 1, 1, 0, 1),
    ]
