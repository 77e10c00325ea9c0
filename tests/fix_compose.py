"""The containers of docker-compose.yml, started from a fresh clone on ports of their own."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import pytest

from tests import checkout
from tests.commands import Done, run
from tests.fix_servers import SERVERS
from tidemark.declare.project import Project
from tidemark.install.embedded import site
from tidemark.observe.status import Batch, LayerRows, layer_rows, read
from tidemark.postgres.sessions import Servers

Read = TypeVar("Read")

PROJECT = "tidemark-test"
NAMES = [f"{layer}-db" for layer in SERVERS] + [
    "airflow-db",
    "airflow-init",
    "airflow-apiserver",
    "airflow-scheduler",
    "airflow-dag-processor",
    "tidemark-init",
    "tidemark-api",
    "tidemark-console",
]
ONE_SHOTS = {"airflow-init", "tidemark-init"}
SETTLED = {name: "exited 0" if name in ONE_SHOTS else "running healthy" for name in NAMES}
UP = "docker compose up -d --build --wait"
PORTS = [f"{name}_PORT" for name in "OPERATIONAL MRR STG DWH AIRFLOW API CONSOLE".split()]
MASTER = "master_etl_pipeline"


class Stack:
    """All containers, with the passwords of the demo."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = dict(
            zip((*SERVERS, "airflow", "api", "console"), _free_ports(len(PORTS)), strict=True)
        )
        self.area = Project(home).area()
        self.url = f"http://127.0.0.1:{self.port['airflow']}"
        self.console = f"http://127.0.0.1:{self.port['console']}"
        self._token = ""

    def compose(self, *words: str) -> Done:
        """Run `docker compose` in the clone."""
        return run(["docker", "compose", *words], self._settings, self.home)

    def type(self, block: str) -> Done:
        """Run a block of a page, where there is no terminal and ports are others."""
        service = f"http://127.0.0.1:{self.port['api']}"
        block = block.replace("http://localhost:8000", service)
        block = block.replace(" -it ", " -i ").replace("http://localhost:8080", self.url)
        path = {"PATH": os.pathsep.join((str(site.installed()), os.environ["PATH"]))}
        return run(["bash", "-euc", block], self._settings | path, self.home, seconds=900)

    def typed(self, block: str) -> str:
        """Run a block of a page to a good end, and return what it printed."""
        done = self.type(block)
        assert done.code == 0, done
        return done.out

    def succeed(self, *words: str) -> str:
        """Run `docker compose` to a good end, and return what it printed."""
        done = self.compose(*words)
        assert done.code == 0, done
        return done.out

    def settle(self) -> None:
        """Wait until all are as `up --wait` leaves them, without running the one-shots again."""
        eventually(self.containers, lambda found: found == SETTLED)

    def containers(self) -> dict[str, str]:
        """Return how healthy each container is, or how it has ended."""
        listed = map(json.loads, self.succeed("ps", "--all", "--format", "json").splitlines())
        return {
            seen["Name"]: f"{seen['State']} {seen['Health'] or seen['ExitCode']}" for seen in listed
        }

    def dsn(self, layer: str, login: str = "tidemark_etl:demo-etl") -> str:
        """Return the libpq URL of a layer as this machine reaches it."""
        return f"postgresql://{login}@127.0.0.1:{self.port[layer]}/{layer}"

    @property
    def _settings(self) -> dict[str, str]:
        ports = zip(PORTS, map(str, self.port.values()), strict=True)
        return {"COMPOSE_PROJECT_NAME": PROJECT, **dict(ports)}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point `tidemark` on this machine to the containers."""
        dsns = {f"TIDEMARK_{layer.upper()}_DSN": self.dsn(layer) for layer in SERVERS}
        return {**dsns, "TIDEMARK_HOME": str(self.home)}

    def servers(self) -> Servers:
        """Open the four layers as the pipeline's login."""
        return Servers({layer: self.dsn(layer) for layer in SERVERS})

    def rows(self) -> list[LayerRows]:
        """Count each entity's rows in every layer."""
        with self.servers() as opened:
            return layer_rows(opened, self.area)

    def is_equal(self) -> bool:
        """Whether every row of the source is mirrored, and staged or refused, and published."""
        return all(
            rows.source == rows.mrr == rows.stg + rows.rejected
            and (rows.entity != "sales" or rows.dwh == rows.stg)
            for rows in self.rows()
        )

    def batches(self) -> list[Batch]:
        """Return the batches of retail, the last one first."""
        with self.servers() as opened:
            return read(opened, self.area).batches

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call Airflow's API as admin."""
        if not self._token and path != "/auth/token":
            login = {"username": "admin", "password": "admin"}
            self._token = self.request("POST", "/auth/token", login)["access_token"]
        request = Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def runs(self, dag: str = MASTER) -> list[dict[str, Any]]:
        """Return the runs of a DAG, the last one first."""
        listed = self.request("GET", f"{_runs(dag)}?order_by=-id")
        found: list[dict[str, Any]] = listed["dag_runs"]
        return found

    def trigger(self, dag: str = MASTER) -> str:
        """Start a run, and return its id."""
        return str(self.request("POST", _runs(dag), {"logical_date": None})["dag_run_id"])

    def mark_failed(self, run_id: str, task_id: str) -> None:
        """Do what the button "Mark as failed" does."""
        task = f"{_runs(MASTER)}/{run_id}/taskInstances/{task_id}"
        self.request("PATCH", task, {"new_state": "failed"})

    def states(self, run_id: str, dag: str = MASTER) -> dict[str, tuple[str | None, int]]:
        """Return what became of each task of a run so far, and at which try."""
        found = self.request("GET", f"{_runs(dag)}/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: (task["state"], task["try_number"]) for task in found}

    def finished(self, run_id: str, dag: str = MASTER) -> str:
        """Wait for the end of a run, and return its state."""
        return eventually(
            lambda: str(self.request("GET", f"{_runs(dag)}/{run_id}")["state"]),
            lambda state: state in {"success", "failed"},
        )

    def waiting(self, dag: str, sensor: str) -> str:
        """Start a run whose sensor finds nothing, unless its schedule has started one."""

        def found() -> str:
            begun = [run["dag_run_id"] for run in self.runs(dag) if not run["end_date"]]
            if not begun:
                self.trigger(dag)
            waits = (run for run in begun if self.states(run, dag)[sensor] == _WAITS)
            return next(waits, "")

        return eventually(found, bool)

    def drop(self, path: str, line: str) -> None:
        """Write a file of one line into the volume `drops`, zipped."""
        script = 'mkdir -p "${1%/*}" && printf "%s\\n" "$2" | gzip > "$1"'
        shell = ("run", "--rm", "--no-deps", "--entrypoint", "sh", "tidemark-init", "-euc", script)
        self.succeed(*shell, "sh", f"/opt/tidemark/drops/{path}", line)


_WAITS = ("up_for_reschedule", 1)
_CHANGE = """
    update events.analytics_customer_summary set total_spent = total_spent {} 1
    where customer_id = (select min(customer_id) from events.analytics_customer_summary)
"""


def _runs(dag: str) -> str:
    return f"/api/v2/dags/{dag}/dagRuns"


def eventually(read: Callable[[], Read], is_wanted: Callable[[Read], bool]) -> Read:
    """Read until the result is the wanted one."""
    deadline = time.monotonic() + 300
    while not is_wanted(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def docker(*words: str) -> str:
    """Run `docker` to a good end, and return what it printed."""
    done = run(["docker", *words])
    assert done.code == 0, done
    return done.out


def psql(container: str, *queries: str, options: str = "-tA") -> str:
    """Run queries in one session as the documents do: on the socket, without a password."""
    database = container.removesuffix("-db")
    words = [word for query in queries for word in ("-c", query)]
    return docker("exec", container, "psql", "-U", "postgres", "-d", database, options, *words)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All containers, up and healthy; their volumes were empty."""
    _refuse_to_touch_others()
    home = Path(tempfile.mkdtemp(prefix="tidemark-compose-"))
    checkout.copy(home)
    made = Stack(home)
    made.succeed("down", "--volumes")  # what an interrupted session left
    try:
        up = made.type(UP)
        if up.code:
            pytest.fail(f"{up.err[-3000:]}\n{made.compose('logs', '--tail', '20').out[-9000:]}")
        yield made
    finally:
        made.compose("down", "--volumes")
        shutil.rmtree(home)


@pytest.fixture
def unequal(stack: Stack) -> Iterator[str]:
    """The name of a check that forbids to publish: somebody has changed an analysis by hand."""
    psql("dwh-db", _CHANGE.format("+"))
    yield "orders_equal_their_analysis"
    psql("dwh-db", _CHANGE.format("-"))
    again = ("run", "--rm", "tidemark-init", "run", "events")  # brings what was held back
    eventually(lambda: stack.compose(*again).code, lambda code: code == 0)


def _refuse_to_touch_others() -> None:
    """Container names are fixed, so there can be one stack on a machine only."""
    listing = [
        "docker",
        "ps",
        "--all",
        "--format",
        '{{.Names}} {{.Label "com.docker.compose.project"}}',
    ]
    try:
        done = run(listing)
    except FileNotFoundError:
        pytest.fail("docker: there is none on PATH. Install Docker, or leave out -m compose.")
    if done.code:
        pytest.fail(f"docker: {done.err.strip()}")
    found = [line.split() for line in done.out.splitlines()]
    others = [name for name, *project in found if name in NAMES and project != [PROJECT]]
    if others:
        pytest.fail(
            f"docker: {', '.join(others)} are not of this test. `docker compose down` them."
        )


def _free_ports(count: int) -> list[int]:
    """Find ports that Linux gives to no client in the minutes until they are used."""
    free = filter(_is_free, random.sample(range(20000, 30000), 100))
    return list(itertools.islice(free, count))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
