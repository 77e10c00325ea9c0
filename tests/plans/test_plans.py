"""A batch reads in proportion to what it brings, whatever the size of the tables.

Rows are counted, never milliseconds. 50 in 50,000 are one in a thousand; of much more, reading the
whole table is cheaper, and the planner does it. It has to choose the same with PostgreSQL's
default costs and with those of an SSD.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg2.extensions import connection as Connection

from tests.explaining import BETWEEN, Explaining
from tests.fix_dimension import JAN, Members
from tests.fix_servers import HOME
from tests.fix_visits import Visits
from tests.queries import execute, rows
from tidemark.declare.project import Project
from tidemark.layers import deletes, deltas, mirror
from tidemark.layers.mirror import Mirror
from tidemark.model import Column, Window
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.times import TimeColumn
from tidemark.postgres.transfer import Landing
from tidemark.sources import window as windows
from tidemark.star import pointers, scd2

ROWS, DELTA = 50_000, 50
ENOUGH = 5 * DELTA

MEMBERS = """
truncate landing.members;
insert into landing.members (shop, member_id, city, name, changed, _batch_id, _first_batch_id)
select
    'shop ' || n / 100, n, %(city)s, 'member ' || n, %(changed)s + n * interval '1 second',
    %(batch)s, 1
from generate_series(1, %(rows)s, %(every)s) as n;
analyze landing.members
"""
VISITS = """
truncate landing.visits;
insert into landing.visits
(visit_id, at, spent, host_shop, host_member_id, day, _batch_id, _first_batch_id)
select
    n, timestamptz '2025-01-01Z' + n * interval '1 minute', %(spent)s, 'shop ' || n / 100, n,
    date '2025-01-01', %(batch)s, 1
from generate_series(1, %(rows)s, %(every)s) as n;
analyze landing.visits
"""


SALES = """
insert into mrr_fact_sales (sale_id, updated_at, _batch_id, _first_batch_id, _extracted_at)
select n, now(), 1, 1, now() from generate_series(1, %s) as n
"""


@pytest.fixture(params=[4.0, 1.1], ids=["default costs", "costs of an SSD"])
def page_cost(request: pytest.FixtureRequest) -> float:
    cost: float = request.param
    return cost


@pytest.fixture
def explaining(dwh: Connection, page_cost: float) -> Explaining:
    execute(dwh, "set local random_page_cost = %s", [page_cost])
    return Explaining(dwh, "dwh")


@pytest.fixture
def many_members(shop_members: Members) -> Members:
    """Members of a key that is two columns, of which the one follows from the other."""
    shop_members.becomes(lands="changes")
    _land(shop_members.connection, MEMBERS, 1, 1, city="Rome", changed=JAN)
    scd2.apply(shop_members.session, shop_members.dimension, rows=ROWS)
    execute(shop_members.connection, "analyze dwh_dim_members")
    return shop_members


@pytest.fixture
def many_visits(many_members: Members) -> Visits:
    """One visit of each member, every minute in January and February."""
    visits = Visits(many_members)
    _land(visits.connection, VISITS, 1, 1, spent=1)
    visits.apply(many_members.session, 1, rows=ROWS)
    execute(visits.connection, "analyze dwh_fact_visits")
    return visits


def _land(connection: Connection, statement: str, batch: int, every: int, **values: object) -> None:
    execute(connection, statement, {**values, "batch": batch, "rows": ROWS, "every": every})


def _changed(members: Members, keys: int = DELTA) -> None:
    _land(
        members.connection, MEMBERS, 2, ROWS // keys, city="Oslo", changed=JAN + timedelta(days=9)
    )


def test_a_rebuild_reads_the_versions_of_the_touched_keys(
    many_members: Members, explaining: Explaining
) -> None:
    _changed(many_members)

    scd2.apply(explaining, many_members.dimension, rows=DELTA)

    assert 0 < explaining.read["dwh_dim_members"] <= ENOUGH
    assert 0 < explaining.read[BETWEEN] <= 2 * ENOUGH


@pytest.mark.parametrize(("lands", "times"), [("changes", 10), ("plans", 15)])
def test_a_rebuild_does_not_square_the_keys_when_statistics_are_old(
    shop_members: Members, explaining: Explaining, lands: str, times: int
) -> None:
    shop_members.becomes(lands=lands)
    execute(shop_members.connection, "analyze dwh_dim_members")
    _land(shop_members.connection, MEMBERS, 1, 1, city="Rome", changed=JAN)
    scd2.apply(shop_members.session, shop_members.dimension, rows=ROWS)
    _changed(shop_members, 1000)

    scd2.apply(explaining, shop_members.dimension, rows=1000)

    assert 0 < explaining.read[BETWEEN] <= times * 1000


def test_the_version_in_force_is_looked_up_for_the_landed_facts_alone(
    many_visits: Visits, explaining: Explaining
) -> None:
    _land(many_visits.connection, VISITS, 2, ROWS // DELTA, spent=2)

    many_visits.apply(explaining, 2, rows=DELTA)

    assert 0 < explaining.read["dwh_dim_members"] <= ENOUGH
    assert 0 < explaining.read["dwh_fact_visits"] <= ENOUGH


def test_many_amended_facts_are_not_compared_with_each_other(
    many_visits: Visits, explaining: Explaining
) -> None:
    _land(many_visits.connection, VISITS, 2, 10, spent=2)

    many_visits.apply(explaining, 2, rows=ROWS // 10)

    is_empty, remove, *others = explaining.reading("dwh_fact_visits")
    assert (is_empty, remove, len(others)) == (1, 0, len(["update", "updated"]))
    assert explaining.read["visits.resolved"] <= ROWS // 10


def test_of_many_facts_those_are_looked_for_in_each_month_that_move(
    many_visits: Visits, explaining: Explaining
) -> None:
    _land(many_visits.connection, VISITS, 2, 10, spent=2)
    moves = "update landing.visits set at = at + interval '30 seconds' where visit_id % 1000 = 1"
    execute(many_visits.connection, moves)

    many_visits.apply(explaining, 2, rows=ROWS // 10)

    *_, redate, redated = explaining.reading("dwh_fact_visits")
    assert 0 < redate <= ENOUGH
    assert 0 < redated <= ENOUGH


def test_facts_are_repointed_by_looking_at_those_of_the_touched_keys(
    many_visits: Visits, explaining: Explaining
) -> None:
    _changed(many_visits.members)
    scd2.apply(many_visits.members.session, many_visits.members.dimension, rows=DELTA)

    first = next(pointers.of(many_visits.fact))
    pointers.repoint(explaining, first, many_visits.members.dimension)

    assert 0 < explaining.read["dwh_fact_visits"] <= ENOUGH
    assert 0 < explaining.read["dwh_dim_members"] <= 2 * ENOUGH


@pytest.mark.parametrize("keys", [500, 1000])
def test_facts_are_repointed_without_squaring_the_keys(
    many_visits: Visits, explaining: Explaining, keys: int
) -> None:
    _changed(many_visits.members, keys)
    scd2.apply(many_visits.members.session, many_visits.members.dimension, rows=keys)

    first = next(pointers.of(many_visits.fact))
    pointers.repoint(explaining, first, many_visits.members.dimension)

    assert 0 < explaining.read[BETWEEN] <= 10 * keys


@pytest.fixture
def mirrored(mrr: Connection, page_cost: float) -> Mirror:
    """A mirror of 50,000 rows, of which batch 1 showed all and batch 2 a few, which lie ready."""
    execute(mrr, "set local random_page_cost = %s", [page_cost])
    execute(
        mrr,
        """
        create table mrr_members (member_id integer not null, city text);
        select tidemark.create_mirror('mrr_members', array['member_id']);
        insert into mrr_members
        (member_id, city, _batch_id, _first_batch_id, _extracted_at)
        select n, 'Rome', 1, 1, now() from generate_series(1, %(rows)s) as n;
        insert into mrr_members_history
        select member_id, city, 0, 0, 0, _extracted_at, _deleted_at, 1 from mrr_members;
        create table landing.members as
        select member_id, 'Oslo' as city, 2::bigint as _batch_id, _seq, _extracted_at, _deleted_at
        from mrr_members where member_id %% %(every)s = 0;
        analyze mrr_members, mrr_members_history, landing.members
        """,
        {"rows": ROWS, "every": ROWS // DELTA},
    )
    types = {"member_id": "integer", "city": "text"}
    return Mirror(("public", "mrr_members"), "landing", tuple(types), ("member_id",), types=types)


def test_a_mirror_is_asked_for_the_landed_keys_alone(mrr: Connection, mirrored: Mirror) -> None:
    explaining = Explaining(mrr, "mrr")

    mirror.apply(explaining, mirrored, db.name("landing", "members"), rows=DELTA)

    assert 0 < explaining.read["mrr_members"] <= ENOUGH


def test_a_hop_reads_the_versions_that_its_receiver_lacks_alone(
    mrr: Connection, mirrored: Mirror
) -> None:
    explaining = Explaining(mrr, "mrr")
    mirror.apply(db.Session(mrr, "mrr"), mirrored, db.name("landing", "members"), rows=DELTA)
    execute(mrr, "analyze mrr_members, mrr_members_history")

    explaining.rows(deltas.changed({"members": mirrored}, {"members": 1}).query)
    explaining.rows(deltas.versions(mirrored, after=1, columns=("member_id", "_batch_id")))
    explaining.rows(deltas.written(mirrored, after=1))
    key = {"natural_key": ("member_id",), "columns": ("member_id",)}
    explaining.rows(deltas.observations(mirrored, after=1, **key))

    assert 0 < explaining.read["mrr_members"] <= 2 * ENOUGH
    assert 0 < explaining.read["mrr_members_history"] <= 2 * ENOUGH


def test_an_update_of_a_mirror_stays_on_its_page(mrr: Connection, mirrored: Mirror) -> None:
    mirror.apply(db.Session(mrr, "mrr"), mirrored, db.name("landing", "members"), rows=DELTA)

    query = "select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables where relname = %s"
    assert rows(mrr, query, ["mrr_members"]) == [(DELTA, DELTA)]


def test_a_source_is_read_within_the_window_alone(
    operational: Connection, page_cost: float
) -> None:
    execute(operational, "set local random_page_cost = %s", [page_cost])
    execute(
        operational,
        """
        insert into customers (name, updated_at)
        select 'customer ' || n, timestamptz '2025-01-01Z' + n * interval '1 minute'
        from generate_series(1, %s) as n;
        analyze customers
        """,
        [ROWS],
    )
    explaining = Explaining(operational, "operational")
    area = Project(HOME).area("retail")
    customers = area.entities["customers"]
    area = area.model_copy(update={"entities": {"customers": customers}})
    watermark = TimeColumn("updated_at")
    window = Window(low=JAN, high=JAN + DELTA * timedelta(minutes=1))
    parts: Parts = {
        "source": db.name("public", "customers"),
        "condition": windows.condition(watermark, window),
    }
    columns = Columns(("customer_id",))

    clock = JAN + ROWS * timedelta(minutes=1)
    relations = {"customers": db.name("public", "customers")}
    stamps = {"customers": watermark}
    windows.look(explaining, area, {"customers": window}, clock, stamps, relations=relations)
    explaining.rows(compose.statement("tidemark.sources.postgres", "rows", parts, columns=columns))

    assert 0 < explaining.read["customers"] <= ENOUGH


def test_keys_that_are_gone_are_counted_in_one_pass(mrr: Connection, page_cost: float):
    execute(mrr, "set local random_page_cost = %s", [page_cost])
    execute(mrr, SALES, [ROWS])
    execute(mrr, "create temporary table keys as select sale_id from mrr_fact_sales offset 50")
    execute(mrr, "analyze keys; analyze mrr_fact_sales")
    explaining = Explaining(mrr, "mrr")
    entity = Project(HOME).area().entity("sales")
    target = replace(mirror.bare(entity, "mrr"), payload=("sale_id",))
    keys = Landing(("pg_temp", "keys"), (Column("sale_id", "bigint"),))

    assert deletes.count(explaining, entity, target, keys) == (50, None)

    assert explaining.read["mrr_fact_sales"] <= 2 * ROWS
    assert explaining.read["keys"] <= ROWS


def test_keys_are_compared_without_looking_each_one_up(mrr: Connection, page_cost: float) -> None:
    execute(mrr, "set local random_page_cost = %s", [page_cost])
    execute(mrr, SALES, [ROWS])
    execute(mrr, "create temporary table keys as select sale_id, updated_at from mrr_fact_sales")
    execute(mrr, "analyze keys; analyze mrr_fact_sales")
    explaining = Explaining(mrr, "mrr")
    target = mirror.bare(Project(HOME).area().entity("sales"), "mrr")
    kinds = {"sale_id": "bigint", "updated_at": "timestamp with time zone"}
    keys = Landing(("pg_temp", "keys"), tuple(Column(*each) for each in kinds.items()))
    (low,) = rows(mrr, "select now() + interval '1 second'")[0]

    assert deletes.overlooked(explaining, target, keys, TimeColumn("updated_at"), low) == []

    assert explaining.held == ROWS


def test_customers_are_cleansed_as_they_are_read(stg: Connection, page_cost: float) -> None:
    execute(stg, "set local random_page_cost = %s", [page_cost])
    execute(
        stg,
        """
        insert into landing.customers (customer_id, country, phone)
        select n, 'Germany', '+1 202 555 0100' from generate_series(1, %s) as n;
        analyze landing.customers
        """,
        [ROWS],
    )
    explaining = Explaining(stg, "stg")

    explaining.rows("select * from landing.clean_customers")

    assert 0 < explaining.held < ROWS / 10
