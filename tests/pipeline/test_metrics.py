"""What a monitoring system is told of a warehouse, and with which rights."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.commands import Done, succeed, tidemark
from tests.fix_files import Drop, csv_text
from tests.fix_retail import Retail
from tests.fix_servers import Warehouse, connect
from tests.queries import execute
from tidemark.model import LAYERS, dsn_variable
from tidemark.observe import metrics

Found = dict[tuple[str, frozenset[tuple[str, str]]], float]
ENTITIES = ("customers", "products", "sales")
ACTIONS = ("processed", "inserted", "updated", "deleted", "rejected")


def parsed(text: str) -> Found:
    """Read metrics as Prometheus does; the prefix is left out."""
    families = [*text_string_to_metric_families(text)]
    assert all(one.documentation and one.type == "gauge" for one in families)
    samples = [sample for one in families for sample in one.samples]
    found = {
        (s.name.removeprefix("tidemark_"), frozenset(s.labels.items())): s.value for s in samples
    }
    assert len(found) == len(samples)
    return found


def told(retail: Retail) -> Found:
    return parsed(succeed("metrics", env=retail.environment).out)


def of(found: Found, name: str, **labels: str) -> float:
    """Return one value of retail."""
    return found[name, frozenset({"area": "retail", **labels}.items())]


def names(found: Found) -> set[str]:
    return {name for name, labels in found if dict(labels).get("area", "retail") == "retail"}


def moved(found: Found, hop: str) -> dict[str, tuple[float, ...]]:
    """Entity -> its rows, in the order of ACTIONS."""
    return {
        name: tuple(of(found, "hop_rows", hop=hop, entity=name, action=a) for a in ACTIONS)
        for name in ENTITIES
    }


@pytest.fixture
def watcher(warehouse: Warehouse) -> Iterator[str]:
    """A login that is a member of tidemark_monitor alone, on each layer."""
    for layer in LAYERS:
        create = "create role watcher login password 'secret' in role tidemark_monitor"
        warehouse.execute(layer, create)
    yield "watcher"
    for layer in LAYERS:
        warehouse.execute(layer, "drop role watcher")


def as_watcher(retail: Retail, *layers: str) -> dict[str, str]:
    """Return an environment in which the watcher logs in at these layers, and knows no other."""
    env = {"TIDEMARK_HOME": str(retail.home)}
    for layer in layers:
        url = urlsplit(retail.warehouse.dsn[layer])
        netloc = f"watcher:secret@127.0.0.1:{url.port}"
        env[dsn_variable(layer)] = url._replace(netloc=netloc).geturl()
    return env


def test_an_area_without_a_batch_has_nothing_that_can_t_be_known(retail: Retail):
    found = told(retail)
    assert names(found) == {"up", "layer_up", "late_after_seconds", "rejects_open"}
    assert (found["up", frozenset()], of(found, "late_after_seconds")) == (1, 13 * 3600)
    assert of(found, "rejects_open", entity="sales") == 0


def test_a_batch_is_told_with_its_rows(retail: Retail):
    retail.add("sales", 9, quantity=-1)
    batch = retail.run()
    found = told(retail)
    assert [of(found, "batch_status", status=s) for s in ("SUCCESS", "FAILED")] == [1, 0]
    assert of(found, "batch_id") == batch.batch_id
    [(ended,)] = retail.warehouse.rows(
        "dwh", "select extract(epoch from ended_at) from etl_batches"
    )
    assert of(found, "last_success_timestamp_seconds") == pytest.approx(float(ended), abs=1e-3)
    assert moved(found, "stage")["sales"] == (5, 4, 0, 0, 1)
    for hop in ("extract", "stage", "publish"):
        assert of(found, "hop_success", hop=hop) == 1
        assert of(found, "hop_duration_seconds", hop=hop) > 0
    marks = {n: of(found, "high_water_mark_timestamp_seconds", entity=n, table=t) for n, t in MARKS}
    assert len(set(marks.values())) == 1
    assert of(found, "bound_lag_seconds") == 0  # The shop has no margin.
    assert of(found, "bound_is_held_back") == 0


MARKS = [
    ("customers", "dwh_dim_customers"),
    ("products", "dwh_dim_products"),
    ("sales", "dwh_fact_sales"),
]


def test_an_idle_batch_has_moved_0_rows(retail: Retail):
    retail.run()
    retail.run()
    found = told(retail)
    for hop in ("extract", "stage", "publish"):
        assert moved(found, hop) == dict.fromkeys(ENTITIES, (0, 0, 0, 0, 0))


def test_of_a_hop_that_failed_no_rows_are_told(retail: Retail):
    retail.run()
    retail.change("customers", 1, city="Oslo")
    closed = "alter table stg_dim_customers add constraint closed check (city <> 'Oslo') not valid"
    retail.warehouse.execute("stg", closed)
    assert tidemark("run", "retail", env=retail.environment).code == 9
    found = told(retail)
    assert [of(found, "batch_status", status=s) for s in ("SUCCESS", "FAILED")] == [0, 1]
    assert [of(found, "hop_success", hop=h) for h in ("extract", "stage", "publish")] == [1, 0, 1]
    hops = {dict(labels)["hop"] for name, labels in found if name == "hop_rows"}
    assert hops == {"extract", "publish"}


def test_a_bound_that_is_held_back_is_told_also_where_entities_differ(retail: Retail):
    retail.run()
    with retail.holding("operational", "select pg_current_xact_id()"):
        retail.warehouse.execute("operational", "select pg_sleep(2)")
        retail.run(**retail.entity("products", extract="full"))
    found = told(retail)
    assert of(found, "bound_is_held_back") == 1
    assert of(found, "bound_lag_seconds") > 2


def test_rejects_and_checks_are_told_as_they_are_now(retail: Retail):
    for key in range(1000, 1100):
        retail.add("sales", key, quantity=-1 if key % 5 == 0 else 1)
    retail.run()
    found = told(retail)
    assert of(found, "rejects_open", entity="sales") == 20
    warned = of(found, "checks", severity="warn", status="WARNED")
    assert warned == 1
    retail.warehouse.execute("operational", "update sales set quantity = 1 where quantity < 0")
    retail.warehouse.execute("operational", "select pg_sleep(1.1)")  # The margin of windows.
    retail.run()
    found = told(retail)
    assert of(found, "rejects_open", entity="sales") == 0
    assert of(found, "checks", severity="warn", status="WARNED") == 0


def test_of_files_the_newest_is_told(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one")), "things/2.csv": b"id,v\n7,\xff\n"})
    area.run()
    found = parsed(succeed("metrics", env=area.environment).out)
    name = area.area.area
    about = frozenset({"area": name, "entity": "things"}.items())
    newest = (area.drops / "things" / "1.csv").stat().st_mtime
    assert found["file_modified_timestamp_seconds", about] == pytest.approx(newest, abs=1e-3)
    for status in ("taken", "set_aside"):
        assert found["files", about | {("status", status)}] == 1


def test_a_member_of_tidemark_monitor_is_told_all(retail: Retail, watcher: str):
    retail.run()
    alone = succeed("metrics", env=as_watcher(retail, "dwh"))
    everywhere = succeed("metrics", env=as_watcher(retail, "dwh", "stg", "mrr"))
    assert parsed(everywhere.out) == told(retail)
    left_out = {key for key in told(retail) if key not in parsed(alone.out)}
    assert {name for name, _ in left_out} == {"layer_up", "rejects_open"}
    well = succeed("monitor", "retail", env=as_watcher(retail, "dwh"))
    assert well.out == "retail: the last batch is good and in time\n"


def test_a_member_of_tidemark_monitor_sees_nothing_else(retail: Retail, watcher: str):
    retail.run()
    env = as_watcher(retail, *LAYERS)
    for layer, read in [
        ("dwh", "dwh_dim_customers"),
        ("dwh", "vw_recent_etl_runs"),
        ("dwh", "dq_check_logs"),
        ("stg", "stg_rejects"),
        ("mrr", "tidemark.source_position"),
        ("mrr", "mrr_dim_customers"),
    ]:
        opened = connect(env[dsn_variable(layer)])
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(opened, f"select * from {read}")
        opened.close()


def test_a_login_without_the_role_is_told_so(retail: Retail):
    retail.warehouse.execute("dwh", "create role watcher login password 'secret'")
    try:
        done = tidemark("metrics", env=as_watcher(retail, "dwh"))
    finally:
        retail.warehouse.execute("dwh", "drop role watcher")
    said = 'error: dwh: permission denied to set role "tidemark_monitor".'
    assert (done.code, done.out, done.err.startswith(said)) == (9, "", True), done


def away(retail: Retail, layer: str) -> dict[str, str]:
    return {**retail.environment, dsn_variable(layer): f"postgresql://nobody@127.0.0.1:1/{layer}"}


def test_a_layer_that_is_away_is_told_and_hides_nothing_else(retail: Retail):
    retail.run()
    found = parsed(succeed("metrics", env=away(retail, "stg")).out)
    layers = {layer: found["layer_up", frozenset({("layer", layer)})] for layer in LAYERS}
    assert layers == {"mrr": 1, "stg": 0, "dwh": 1}
    assert names(told(retail)) - names(found) == {"rejects_open"}


def test_a_file_says_that_the_dwh_is_away(retail: Retail, tmp_path: Path):
    file = tmp_path / "out" / "tidemark.prom"
    file.parent.mkdir()
    assert succeed("metrics", "--output", str(file), env=retail.environment).out == ""
    assert parsed(file.read_text("utf-8"))["up", frozenset()] == 1
    done = tidemark("metrics", "--output", str(file), env=away(retail, "dwh"))
    assert (done.code, done.err.startswith("error: dwh: 127.0.0.1:1/dwh as nobody")) == (4, True)
    assert parsed(file.read_text("utf-8")) == {("up", frozenset()): 0}
    assert [*file.parent.iterdir()] == [file]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_file_that_can_t_be_written_is_told(retail: Retail, tmp_path: Path):
    file = tmp_path / "none" / "tidemark.prom"
    done = tidemark("metrics", "--output", str(file), env=retail.environment)
    said = f"metrics: --output: {file} can't be written: No such file or directory."
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {said}")


def test_of_the_layers_only_the_dwh_is_needed(retail: Retail):
    done: Done = tidemark("metrics", env=as_watcher(retail, "stg"))
    assert (done.code, done.err) == (
        3,
        "error: environment: TIDEMARK_DWH_DSN not set, but TIDEMARK_STG_DSN is. "
        "Set it as well, or none to use embedded servers.\n",
    )


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029")))
def test_any_label_is_read_as_it_was_written(value: str):
    sample = metrics.Sample("batch_id", (("area", value),), 0.5)
    assert parsed(metrics.text([sample])) == {("batch_id", frozenset({("area", value)})): 0.5}
