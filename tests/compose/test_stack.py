"""What the documents say about the containers is true. The tests depend on their order."""

import json
import re
import shutil
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import psycopg2
import pytest

from tests.commands import succeed
from tests.docs.test_first_guide import is_sql, typed
from tests.docs.test_pages import fenced, section
from tests.docs.test_readme import README, shape
from tests.fix_browser import clear, expect_states, picture, row_of
from tests.fix_compose import (
    NAMES,
    PROJECT,
    SETTLED,
    UP,
    Stack,
    docker,
    eventually,
    psql,
)
from tests.fix_console import form_token
from tests.fix_events import item, order
from tests.fix_servers import connect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(1200)

HOPS = {
    f"{area}.{hop}"
    for area, source in (("assets", "inbox"), ("retail", "operational"))
    for hop in (f"{source}_to_mrr", "mrr_to_stg", "stg_to_dwh")
}
TASKS = HOPS | {"monitor_etl_logs"}
EVENTS = "events_s3_pipeline"
SENSOR = "wait_for_s3_data"
SENSING = {
    SENSOR: "Up For Reschedule",
    **dict.fromkeys(["load_raw_data", "stage", "publish", "test", "logging"], "No Status"),
}
"""What a person sees of a run that waits for its files."""
SECOND_SOURCE = "examples/two-sources/docker-compose.yml"
VERIFY = ("run", "--rm", "tidemark-init", "verify", "billing")
HELD = "lock table stg_fact_sales; select pg_sleep(60)"
WAITING = """
    select count(*) from pg_locks join pg_stat_activity using (pid)
    where not granted and application_name ~ '^tidemark'
"""


def of_operations(title: str, language: str = "bash") -> list[str]:
    """Return the blocks of a section that need containers."""
    text = section("operations.md", title).partition("### Servers of your own")[0]
    return fenced(text, language)


TITLES = ["Logins", "Health", "Troubleshooting", "Backup and restore"]
DOWN = "docker compose down -v"
AGAIN = "docker compose up -d --wait\n"
"""How some blocks end; test_data_survives_down_and_up types it behind all of them."""
(*_, ANOTHER_DAY) = fenced(README, "bash", "docker exec")
TYPED = {UP, DOWN}.union(
    ANOTHER_DAY.splitlines(),
    *(block.splitlines() for each in TITLES for block in of_operations(each)),
)
"""What other tests type than the one of the first guide."""


def run_that_waits_in_stg(stack: Stack) -> str:
    """Play a day, and start a run whose hop into STG waits for what HELD locks."""
    stack.succeed("run", "--rm", "tidemark-init", "seed", "--day")
    docker("exec", "--detach", "stg-db", "psql", "-U", "postgres", "-d", "stg", "-c", HELD)
    run = stack.trigger()
    eventually(lambda: psql("stg-db", WAITING), lambda count: count != "0\n")
    return run


def test_all_are_up_and_healthy_and_the_one_shots_are_done(stack: Stack):
    assert stack.containers() == SETTLED


def test_the_first_run_needs_nobody(stack: Stack):
    (first,) = eventually(stack.runs, lambda runs: any(run["end_date"] for run in runs))
    assert (first["state"], first["run_type"]) == ("success", "scheduled")
    assert stack.states(first["dag_run_id"]) == dict.fromkeys(TASKS, ("success", 1))
    assert {rows.entity: rows.source for rows in stack.rows()} == {
        "customers": 10_000,
        "products": 500,
        "sales": 200_000,
    }
    assert stack.is_equal()


@pytest.mark.parametrize("name", ["owner", "analyst"])
def test_a_person_of_the_demo_is_let_into_the_console(stack: Stack, name: str):
    with httpx.Client(base_url=stack.console, follow_redirects=True, timeout=60) as browser:
        given = {"name": name, "password": f"demo-{name}"}
        browser.post("/login", data={**given, "form": form_token(browser.get("/login"))})
        page = browser.get("/areas/retail")
    assert f"<span>{name}, {name}</span>" in page.text
    assert re.search(r"batch \d+</a>,\s+✓ SUCCESS", page.text)


def test_a_hop_links_to_its_batch_in_the_console(stack: Stack):
    run = stack.runs()[0]["dag_run_id"]
    task = f"/api/v2/dags/master_etl_pipeline/dagRuns/{run}/taskInstances/retail.stg_to_dwh"
    (link,) = stack.request("GET", f"{task}/links")["extra_links"].values()
    assert re.fullmatch(rf"http://localhost:{stack.port['console']}/batches/\d+", link)


def test_airflow_has_the_dags_and_none_is_paused(stack: Stack):
    found = stack.request("GET", "/api/v2/dags")["dags"]
    assert sorted((dag["dag_id"], dag["is_paused"]) for dag in found) == [
        ("commerce_etl_pipeline", False),
        ("events_s3_pipeline", False),
        ("marketing_etl_pipeline", False),
        ("master_etl_pipeline", False),
        ("tidemark_alerts", False),
    ]


def test_the_pool_of_the_hops_is_there(stack: Stack):
    pools = stack.request("GET", "/api/v2/pools")["pools"]
    assert {pool["name"]: pool["slots"] for pool in pools}["tidemark"] == 4


@pytest.mark.parametrize(
    ("area", "counts"),
    [
        ("commerce", {"fact_orders": 1000, "reporting_customer_stats": 432}),
        ("marketing", {"fact_click_events": 1743, "dim_customer": 344}),
        ("events", {"fct_orders": 162, "fct_order_items": 310, "dim_customers": 174}),
        ("assets", {"fct_asset_transactions": 681, "dim_assets": 281, "dim_users": 61}),
    ],
)
def test_a_sample_is_loaded_by_the_dag_that_runs_its_area(
    stack: Stack, area: str, counts: dict[str, int]
):
    last = "select max(batch_id) filter (where status = 'SUCCESS') is not null from etl_batches"
    query = f"{last} where area = '{area}'"
    eventually(lambda: psql("dwh-db", query), lambda is_loaded: is_loaded == "t\n")
    for table, count in counts.items():
        assert psql("dwh-db", f"select count(*) from {area}.{table}") == f"{count}\n"


def test_airflow_says_how_it_is(stack: Stack):
    health = stack.request("GET", "/api/v2/monitor/health")
    parts = ("metadatabase", "scheduler", "dag_processor")
    assert {part: health[part]["status"] for part in parts} == dict.fromkeys(parts, "healthy")


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from dwh_fact_sales",
        "select count(*) from dwh_dim_customers where is_current = true",
        "select count(*) from dwh_dim_products where is_current = true",
        "select * from vw_recent_etl_runs",
        "select * from vw_etl_performance_summary",
        "select table_name, last_updated from high_water_mark order by last_updated desc",
        "select fn_avg_quantity_per_customer(5)",
        "select fn_product_sales_velocity(10, 30)",
        "select * from fn_top_customers(10)",
        "select fn_product_group_performance('Electronics', current_date - 365, current_date)",
    ],
)
def test_a_query_of_the_documents_answers_with_data(stack: Stack, query: str):
    answer = psql("dwh-db", query).strip()
    assert answer not in {"", "0"}


def test_the_reports_are_called_as_the_documents_do(stack: Stack):
    psql(
        "dwh-db",
        "call sp_aggregate_sales_report('2025-01-01', '2025-01-31')",
        "select * from temp_sales_report",
    )
    told = psql(
        "dwh-db", "call sp_refresh_customer_metrics()", "select count(*) from customer_metrics"
    )
    assert int(told.split()[-1]) > 9000


def test_no_process_has_failed(stack: Stack):
    failed = "select * from etl_logs where status = 'FAILED' order by start_time desc"
    assert psql("dwh-db", failed) == ""


def test_an_analyst_reads_and_can_not_write(stack: Stack):
    with (
        closing(connect(stack.dsn("dwh", "analyst:demo-analyst"))) as opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("select count(*) from fn_top_customers(10)")
        assert cursor.fetchall() == [(10,)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("delete from dwh_fact_sales")


class TestABrowser:
    """What a person sees who signs in at Airflow."""

    def test_finds_the_green_run(self, stack: Stack, page: "Page"):
        (first,) = stack.runs()
        page.locator(f"a[href*='{first['dag_run_id']}']").first.click()
        expect_states(page, "Success", dict.fromkeys(TASKS, "Success"))
        picture(page, first["dag_run_id"], "airflow.png")

    def test_finds_what_waits(self, stack: Stack, page: "Page"):
        run = stack.waiting(EVENTS, SENSOR)
        page.goto(f"{stack.url}/dags/{EVENTS}/runs/{run}")
        expect_states(page, "Running", SENSING)
        picture(page, run, "events_sensor.png")

    def test_finds_the_late_file_and_the_check_that_fails(
        self, stack: Stack, page: "Page", unequal: str
    ):
        run = stack.waiting(EVENTS, SENSOR)
        page.goto(f"{stack.url}/dags/{EVENTS}/runs/{run}")
        expect_states(page, "Running", SENSING)

        then = datetime.now(UTC) - timedelta(days=2)
        late = f"raw-events/{then:%Y/%m/%d/%H}/events_late_002.json.gz"
        event = order("late", f"{then:%FT%TZ}", "placed", item("p"))
        stack.drop(f"events/{late}", json.dumps(event))
        clear(page, SENSOR)  # It looks at once, and not in an hour.
        assert stack.finished(run, EVENTS) == "failed"

        red = dict.fromkeys(["publish", "test"], "Failed")
        expect_states(page, "Failed", {**dict.fromkeys(SENSING, "Success"), **red})
        loaded = f"select count(*) from events.raw_events where source_file = '{late}'"
        assert psql("mrr-db", loaded) == "1\n"
        row_of(page, "test").get_by_role("link").click()
        page.get_by_text(f"check '{unequal}' failed on dwh").first.wait_for()
        picture(page, run, "events_failed_check.png", height=480)


def test_what_the_readme_posts_is_in_the_star_a_moment_later(stack: Stack):
    (block,), (sample,) = fenced(README, "bash", "KEY="), fenced(README, "", " owner_user_nk")
    *posting, asking = block.splitlines()
    told = stack.typed("\n".join(posting))
    assert [json.loads(one)["status"] for one in re.findall(r"{.*?}", told)] == ["stored"] * 2
    seen = eventually(lambda: stack.typed(asking), lambda answer: "ann" in answer)
    assert [line.rstrip() for line in seen.splitlines()] == [*sample.splitlines(), ""]
    assert '"swagger' in stack.typed("curl -sS --fail http://localhost:8000/docs")


@pytest.mark.further
def test_the_second_batch_moves_just_the_day(stack: Stack):
    stack.succeed("run", "--rm", "tidemark-init", "seed", "--day")
    plan = succeed("plan", "--json", env=stack.environment).json
    day = sum(entity["rows"] for entity in plan["entities"])
    assert 2000 < day < 3000

    assert stack.finished(stack.trigger()) == "success"

    assert [batch.rows_extracted for batch in stack.batches()] == [day, 210_500]
    assert stack.is_equal()


@pytest.mark.further  # Tests of faults and of the DAGs prove the same on other servers.
def test_a_server_that_dies_in_a_run_delays_it_and_loses_nothing(stack: Stack):
    run = run_that_waits_in_stg(stack)
    docker("kill", "stg-db")
    failed = eventually(
        lambda: stack.states(run)["retail.mrr_to_stg"], lambda seen: seen[0] != "running"
    )
    assert failed == ("up_for_retry", 1)
    assert not stack.states(run)["retail.stg_to_dwh"][0]

    docker("start", "stg-db")  # `up --wait` gives up on one that needs a second start to recover
    health = ("inspect", "--format", "{{.State.Health.Status}}", "stg-db")
    eventually(lambda: docker(*health), lambda said: said == "healthy\n")

    assert stack.finished(run) == "success"
    assert stack.is_equal()
    assert stack.states(run)["retail.mrr_to_stg"] == ("success", 2)


def test_what_the_readme_types_loads_another_day(stack: Stack):
    (*_, sample) = fenced(README, "", "Fresh")
    before = len(stack.batches())
    stack.typed(ANOTHER_DAY)
    assert stack.finished(stack.runs()[0]["dag_run_id"]) == "success"
    assert len(stack.batches()) == before + 1
    said = shape(stack.typed(ANOTHER_DAY.splitlines()[-1]))
    assert [line for line in shape(sample) if line not in {*said, "…"}] == []


@pytest.mark.further
def test_a_task_that_is_marked_failed_ends_at_once_with_its_statement(stack: Stack):
    run = run_that_waits_in_stg(stack)
    began = time.monotonic()
    stack.mark_failed(run, "retail.mrr_to_stg")
    eventually(lambda: psql("stg-db", WAITING), lambda count: count == "0\n")
    assert time.monotonic() - began < 20
    holder = "select pg_terminate_backend(pid) from pg_stat_activity where query = $$" + HELD + "$$"
    assert psql("stg-db", holder) == "t\n"
    assert stack.finished(run) == "failed"

    again = stack.trigger()
    assert stack.finished(again) == "failed"  # says monitor_etl_logs of the batch before
    assert stack.states(again) == {
        task: ("success", 1) if task in HOPS else ("failed", 1) for task in TASKS
    }
    assert stack.is_equal()


# tests/docs/test_backups.py restores layers on servers of one's own, by the same programs.
@pytest.mark.further(but=["Logins", "Health"])
@pytest.mark.parametrize("title", TITLES)
def test_the_commands_of_operations_work(stack: Stack, title: str):
    for block in of_operations(title):
        stack.typed(block.removesuffix(AGAIN))
        if not block.endswith(AGAIN):
            stack.settle()
    for block in of_operations(title, "sql"):
        psql("dwh-db", block)


def test_data_survives_down_and_up(stack: Stack):
    _, block, *_ = of_operations("Start, stop, reset")
    down, up = block.splitlines()
    before, known = stack.rows(), stack.batches()
    stack.typed(down)
    assert not set(docker("ps", "--all", "--format", "{{.Names}}").split()) & set(NAMES)
    assert f"{up}\n" == AGAIN
    stack.typed(up)
    assert stack.containers() == SETTLED
    assert stack.rows() == before
    assert stack.batches()[-len(known) :] == known
    assert "nothing to do: the tables hold rows" in stack.succeed("logs", "tidemark-init")


@pytest.mark.parametrize(
    "commands",
    [commands for commands in typed() if not TYPED.issuperset(commands)],
    ids=lambda commands: str(commands[0]),
)
def test_a_command_of_the_first_guide_works(stack: Stack, commands: list[str]):
    if is_sql(commands[0]):
        psql("dwh-db", *commands)
        return
    for command in commands:
        stack.typed(f"curl --fail --silent {command}" if command.startswith("http") else command)
    stack.settle()
    eventually(stack.runs, lambda runs: all(run["end_date"] for run in runs))


# tests/acceptance/test_two_sources.py has the area, and test_settings.py what the second file adds.
@pytest.mark.further
def test_a_second_source_is_read_into_the_same_warehouse(stack: Stack):
    (block,) = fenced(section("sources.md", "In Compose"), "bash")
    shutil.copytree(
        stack.home / "examples" / "two-sources" / "billing", stack.home / "sql" / "billing"
    )
    docker("exec", "operational-db", "createdb", "-U", "postgres", "ledger")
    stack.typed(block)

    assert stack.finished(stack.trigger()) == "success"

    assert psql("dwh-db", "select count(*) from fact_invoices") == "3\n"
    said = stack.succeed("-f", "docker-compose.yml", "-f", SECOND_SOURCE, *VERIFY)
    assert said.endswith("\nequal\n")


def test_down_with_volumes_leaves_nothing(stack: Stack):
    stack.typed(DOWN)
    label = f"label=com.docker.compose.project={PROJECT}"
    for kind in ("container", "volume", "network"):
        everything = ["--all"] if kind == "container" else []
        assert docker(kind, "ls", "--quiet", *everything, "--filter", label) == ""
