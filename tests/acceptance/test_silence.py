"""Commands end though no server says anything more."""

from __future__ import annotations

import signal

import pytest

from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import SERVERS
from tests.fix_silence import BACK, THERE, Namespace, Proxy, hurried
from tidemark.model import ServerName

LOCKS = {"operational": "lock table sales", "mrr": "lock table landing.sales in share mode"}


def through(proxies: list[Proxy], retail: Retail, listen: str = "127.0.0.1") -> dict[str, str]:
    """Put a proxy before each layer; returns the variables that lead there."""
    proxies += [Proxy(retail.warehouse.dsn[layer], listen) for layer in SERVERS]
    dsns = {
        f"TIDEMARK_{layer.upper()}_DSN": proxy.dsn
        for layer, proxy in zip(SERVERS, proxies, strict=True)
    }
    return {**retail.environment, **dsns}


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_ends_a_run_that_no_server_answers(
    retail: Retail, proxies: list[Proxy], number: signal.Signals, code: int
):
    environment = through(proxies, retail)
    with retail.holding("operational", "lock table sales"):
        running = hurried(["run"], environment)
        retail.wait_for_lock("operational")
        for proxy in proxies:
            proxy.stall(THERE, BACK, new=True)
        running.send_signal(number)
        running.communicate(timeout=PATIENCE)
    assert running.returncode == code


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", ["operational", "mrr"])
def test_a_signal_is_logged_by_a_dwh_that_answers(
    retail: Retail, proxies: list[Proxy], layer: ServerName
):
    environment = through(proxies, retail)
    retail.run()
    retail.change("sales", 1, quantity=7)
    with retail.holding(layer, LOCKS[layer]):
        running = hurried(["run"], environment)
        retail.wait_for_lock(layer)
        proxies[SERVERS.index(layer)].stall(THERE, BACK, new=True)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    query = "select status, error_message from etl_batches order by batch_id desc limit 1"
    assert (running.returncode, retail.warehouse.rows("dwh", query)) == (
        143,
        [("FAILED", "extract: interrupted")],
    )


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", ["operational", "mrr"])
def test_a_run_whose_packets_are_dropped_says_so_and_lets_go(
    retail: Retail, proxies: list[Proxy], namespace: Namespace, layer: ServerName
):
    environment = through(proxies, retail, namespace.outside)
    retail.run()
    retail.change("sales", 1, quantity=7)
    with retail.holding(layer, LOCKS[layer]):
        running = hurried(["run"], environment, namespace.inside)
        retail.wait_for_lock(layer)
        namespace.drop()
        said, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 4
    assert said.startswith("error: ")
    assert any(f"{each}: " in said for each in SERVERS)


@pytest.mark.further(one_in=5)
@pytest.mark.parametrize("words", [["status"], ["verify"], ["plan"], ["doctor"], ["seed", "--day"]])
def test_every_command_ends_when_its_server_says_nothing_more(
    retail: Retail, proxies: list[Proxy], words: list[str]
):
    retail.run()
    environment = through(proxies, retail)
    for proxy in proxies:
        proxy.room[BACK] = 900
    running = hurried(words, environment)
    said, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode in {1, 4}, said
