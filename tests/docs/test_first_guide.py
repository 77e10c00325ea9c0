"""The commands of the first guide are in one table; those that need no container are run here.

The others are run by `tests/compose/test_stack.py`.
"""

import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import run
from tests.docs.test_pages import section, table
from tests.fix_servers import HOME, Warehouse
from tests.installed import link, python
from tests.queries import execute

GUIDE = """
cd detest
docker-compose up -d
docker-compose ps
docker exec -i operational-db psql -U postgres -d operational < sql/operational/01_create_schema.sql
docker exec -i mrr-db psql -U postgres -d mrr < sql/mrr/01_create_schema.sql
docker exec -i stg-db psql -U postgres -d stg < sql/stg/01_create_schema.sql
docker exec -i dwh-db psql -U postgres -d dwh < sql/dwh/01_create_schema.sql
docker exec -i dwh-db psql -U postgres -d dwh < sql/dwh/02_create_etl_logs.sql
docker exec -i dwh-db psql -U postgres -d dwh < sql/dwh/03_stored_procedures.sql
docker exec -i dwh-db psql -U postgres -d dwh < sql/dwh/04_functions.sql
pip install psycopg2-binary faker
python scripts/seed_data.py
http://localhost:8080
master_etl_pipeline
docker exec -it dwh-db psql -U postgres -d dwh
SELECT COUNT(*) FROM dwh_fact_sales;
SELECT COUNT(*) FROM dwh_dim_customers WHERE is_current = TRUE;
SELECT COUNT(*) FROM dwh_dim_products WHERE is_current = TRUE;
SELECT * FROM vw_recent_etl_runs;
CALL sp_aggregate_sales_report('2025-01-01', '2025-01-31');
SELECT * FROM temp_sales_report;
CALL sp_refresh_customer_metrics();
SELECT * FROM customer_metrics LIMIT 10;
SELECT fn_avg_quantity_per_customer(5);
SELECT fn_product_sales_velocity(10, 30);
SELECT * FROM fn_top_customers(10);
SELECT fn_product_group_performance('Electronics', '2025-01-01', '2025-01-31');
SELECT * FROM vw_etl_performance_summary;
SELECT * FROM etl_logs WHERE status = 'FAILED' ORDER BY start_time DESC;
SELECT table_name, last_updated FROM high_water_mark ORDER BY last_updated DESC;
SELECT 'operational' as layer, COUNT(*) FROM sales\
 UNION ALL SELECT 'mrr', COUNT(*) FROM mrr_fact_sales\
 UNION ALL SELECT 'stg', COUNT(*) FROM stg_fact_sales\
 UNION ALL SELECT 'dwh', COUNT(*) FROM dwh_fact_sales;
docker exec operational-db pg_isready
docker exec dwh-db pg_isready
curl http://localhost:8080/health
docker-compose logs -f
docker-compose restart
docker-compose down -v
docker exec airflow-scheduler airflow dags list
docker-compose restart airflow-scheduler
docker exec -it dwh-db psql -U postgres -d dwh -c "SELECT 1;"
docker network inspect data-engineer-network
SELECT * FROM etl_logs WHERE status = 'FAILED';
SELECT error_message FROM etl_logs WHERE log_id = <id>;
"""
"""Every command, as the guide has it; one that it has twice is here once."""

ROWS = table(section("operations.md", "The commands of the first guide"))
CODE = re.compile("`([^`]+)`")


def typed() -> list[list[str]]:
    """Return what to type, row by row: the replacement, or else the guide's own command."""
    found = []
    for there, here, instead in ROWS:
        found.append(CODE.findall(instead or (there if here.startswith("works") else "")))
    return [commands for commands in found if commands]


def test_every_command_of_the_guide_is_in_the_table():
    listed = [command for there, _, _ in ROWS for command in CODE.findall(there)]
    assert sorted(listed) == sorted(GUIDE.strip().splitlines())


def test_every_row_works_or_says_what_to_type_or_why_there_is_nothing():
    assert [there for there, here, instead in ROWS if not (here or instead)] == []


def is_sql(command: str) -> bool:
    return command.lower().startswith(("select", "call"))


@pytest.mark.parametrize("commands", [each for each in typed() if is_sql(each[0])])
def test_a_query_of_the_table_works_without_containers_too(
    warehouse: Warehouse, commands: list[str]
):
    with closing(warehouse.connect("dwh")) as session:
        for command in commands:
            execute(session, command)


def said(lacking: str) -> str:
    return (
        f"seed_data.py: {sys.executable} lacks {lacking}. Type `pip install "
        f"'{HOME}[demo,embedded]'` in a virtual environment, or `{HOME}/scripts/demo`, which makes "
        "one in .venv. Containers have all that, and `docker compose up` seeds them.\n"
    )


@pytest.mark.parametrize("there", [(), ("psycopg2-binary", "faker")])
def test_the_script_says_in_one_line_what_it_lacks(tmp_path: Path, there: tuple[str, ...]):
    link(tmp_path, set(there))
    done = python(tmp_path, HOME / "scripts" / "seed_data.py")
    names = """
        faker holidays psycopg2-binary pydantic pydantic-core python-dotenv pyyaml rich
        sqlalchemy tenacity typer zstandard
    """
    lacking = ", ".join(name for name in names.split() if name not in there)
    assert (done.code, done.out, done.err) == (1, "", said(lacking))


def test_the_script_works_in_any_folder(tmp_path: Path, warehouse: Warehouse):
    script = [sys.executable, str(HOME / "scripts" / "seed_data.py")]
    options = ["--customers", "7", "--products", "2", "--sales", "11"]
    done = run([*script, *options], warehouse.environment, tmp_path)
    assert (done.code, done.err, done.out.split()[:2]) == (0, "", ["customers", "7"])
