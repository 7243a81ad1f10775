"""The Celery tasks on a real RabbitMQ, with two workers of which one is killed; and their configuration."""

from __future__ import annotations

import asyncio
import importlib
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery_workers import Workers
from http_server import Hold, reply
from listing import Listing, SearchRequest, is_mark_of, listing, products
from postgres import Database, postgres, postgres_cluster
from rabbitmq import rabbitmq
from requirements import require_modules
from sending import OK, Sent, storing

from tui_connector.errors import UserError

require_modules("celery")

from celery.exceptions import Reject  # noqa: E402
from kombu import Connection  # noqa: E402

__all__ = ["postgres", "postgres_cluster"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq") / "node") as address:
        yield address


@pytest.fixture
async def store() -> AsyncIterator[Listing]:
    async with listing(products(*range(1, 201))) as found:
        yield found


@pytest.mark.long
async def test_a_killed_worker_loses_and_duplicates_nothing(
    tmp_path: Path, clean_environment: dict[str, str], broker: str, store: Listing
) -> None:
    hold, again = Hold(), asyncio.Event()

    async def holds(asked: SearchRequest) -> None:
        """A page in the middle of the second slice is not sent before its worker is killed."""
        if 70 <= asked.after < 100 and asked.size == 10:
            if hold.released:
                again.set()
            await hold.wait()

    workers = Workers(tmp_path, clean_environment, broker, store.url)
    try:
        store.before = holds
        workers.start(2)
        workers.call(f"tasks.plan.delay({str(workers.profile)!r}, 'items', 3, 'r1')")
        await hold.reached()
        workers.kill_the_one_with("--slice", "1")
        hold.release()
        await asyncio.wait_for(again.wait(), 120)
        run = tmp_path / "shared" / "r1"
        await workers.until((run / "committed.json").exists)
    finally:
        workers.close()
    ids = [json.loads(line)["id"] for line in (tmp_path / "items.jsonl").read_bytes().splitlines()]
    assert ids == list(range(1, 201))
    [ledger] = (workers.state / "incoming").rglob("items.sqlite")
    with closing(sqlite3.connect(ledger)) as database:
        assert database.execute("select state, items from run").fetchall() == [("complete", 200)]
        [(mark,)] = database.execute("select value from mark").fetchall()
    assert is_mark_of(mark, "2026-11-01 00:00:00")
    assert "CANARY" not in workers.logs()


@pytest.mark.long
async def test_workers_with_a_shared_ledger_need_no_common_directory(
    tmp_path: Path, clean_environment: dict[str, str], broker: str, store: Listing, postgres: Database
) -> None:
    hold, again = Hold(), asyncio.Event()

    async def holds(asked: SearchRequest) -> None:
        """A page in the middle of the second slice is not sent before its worker is killed."""
        if 120 <= asked.after < 150 and asked.size == 10:
            if hold.released:
                again.set()
            await hold.wait()

    server = {name: json.dumps(value) for name, value in postgres.saved.items()}
    sink = f"sink = {{ {', '.join(f'{name} = {value}' for name, value in server.items())} }}"
    ledger = "\n".join(["[ledger]", *(f"{name} = {value}" for name, value in server.items()), ""])
    workers = Workers(tmp_path, clean_environment, broker, store.url, sink=sink, more=ledger, own_homes=True)
    del workers.environment["TUI_CONNECTOR_SHARED"]

    def is_committed() -> bool:
        plans = postgres.rows("SELECT committed FROM tui_connector_slice_plan")
        return [committed for (committed,) in plans if committed] != []

    try:
        store.before = holds
        workers.start(2)
        workers.call(f"tasks.plan.delay({str(workers.profile)!r}, 'items', 2, 'r1')")
        await hold.reached()
        workers.kill_the_one_with("--slice", "1")
        hold.release()
        await asyncio.wait_for(again.wait(), 120)
        await workers.until(is_committed)
    finally:
        workers.close()
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 201))
    assert postgres.rows("SELECT state, items FROM tui_connector_incoming_run") == [("complete", 200)]
    [(mark,)] = postgres.rows("SELECT value FROM tui_connector_incoming_mark")
    assert is_mark_of(mark, "2026-11-01 00:00:00")
    assert len(workers.files("worker ?/xdg_state_home")) == 2
    assert workers.files("*.sqlite") + workers.files("plan.json") == []
    assert "CANARY" not in workers.logs()


@pytest.mark.long
async def test_a_queue_keeps_the_order_of_each_identifier(
    tmp_path: Path, clean_environment: dict[str, str], broker: str
) -> None:
    hold = Hold()

    async def answer(sent: Sent) -> bytes:
        if sent.rows[0]["sku"] == "REFUSED":
            return reply("401 Unauthorized", b'{"message": "no"}')
        if sent.rows[0] == {"sku": "S3", "quantity": 13}:
            await hold.wait()
        return OK

    async with storing(answer) as server:
        workers = Workers(tmp_path, clean_environment, broker, server.server.url)
        workers.environment["TUI_CONNECTOR_QUEUES"] = "shop/stock:2"
        publish = f"tasks.publish({str(workers.profile)!r}, 'stock', %s, identifier='sku', partitions=2, batch=5)"
        try:
            workers.start(2)
            rows = "[{'sku': f'S{n % 5}', 'quantity': n} for n in range(20)]"
            refused = "[{'sku': 'REFUSED', 'quantity': 0}]"
            workers.call(f"{publish % rows}\n{publish % refused}")
            await hold.reached()
            workers.kill_the_one_with("run", "stock")
            hold.release()
            await workers.until(lambda: len(workers.tasks()) >= 20)
            await workers.until(lambda: _messages(broker, "tui-connector.failed") == 1)
        finally:
            workers.close()
        arrived = [row for sent in server.sent for row in sent.rows if row["sku"] != "REFUSED"]
        by_sku: dict[str, list[int]] = {}
        for row in arrived:
            by_sku.setdefault(row["sku"], []).append(row["quantity"])
        for sku, quantities in by_sku.items():
            assert quantities == sorted(quantities), sku
            assert set(quantities) == set(range(int(sku[1:]), 20, 5))
        # what was being sent when the worker was killed is sent again, as `repeatable` allows: entities of one batch
        times = Counter((row["sku"], row["quantity"]) for row in arrived)
        assert max(times.values()) <= 2
        assert sum(number > 1 for number in times.values()) <= 5
        assert {state for _, state in workers.tasks()} == {"finished"}


def _messages(broker: str, queue: str) -> int:
    with Connection(broker) as connection, connection.channel() as channel:
        number: int = channel.queue_declare(queue, passive=True).message_count
        return number


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ModuleType:
    for name in ("BROKER", "QUEUES", "SHARED", "BEAT"):
        monkeypatch.delenv(f"TUI_CONNECTOR_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"TUI_CONNECTOR_{name}", value)
    sys.modules.pop("tui_connector.celery", None)
    return importlib.import_module("tui_connector.celery")


def test_another_broker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="must be RabbitMQ"):
        configured(monkeypatch, BROKER="redis://localhost")


def test_a_partition_has_one_consumer_and_a_store_one_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = configured(monkeypatch, QUEUES="acme acme/stock:2")
    queues: dict[str, Any] = {each.name: each.queue_arguments for each in tasks.app.conf.task_queues}
    assert {name: (found or {}).get("x-single-active-consumer") for name, found in queues.items()} == {
        "tui-connector.acme": None,
        "tui-connector.acme.stock.0": True,
        "tui-connector.acme.stock.1": True,
    }
    conf = tasks.app.conf
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.worker_prefetch_multiplier) == (True, True, 1)
    assert tasks._route("tui_connector.plan", ("/etc/acme.toml", "items", 4), {"env": "staging"}, {}) == {
        "queue": "tui-connector.acme@staging"
    }
    assert tasks._route("tui_connector.send", ("acme", "stock", [], "b"), {"partition": 1}, {}) == {
        "queue": "tui-connector.acme.stock.1"
    }


@pytest.mark.parametrize("option", ["--trust", "--out=/tmp/x", "--record", "-h"])
def test_a_message_cannot_trust_a_profile_or_name_a_file(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    tasks = configured(monkeypatch)
    for call in (
        lambda: tasks.run("acme", "items", options=["--in-flight", "4", option]),
        lambda: tasks.run_slice("acme", "items", 0, "r1", options=[option]),
        lambda: tasks.send("acme", "stock", [], "b1", partition=0, options=[option]),
    ):
        with pytest.raises(Reject, match=f"cannot have the option {option}"):
            call()


def test_a_profile_in_a_message_is_no_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    tasks = configured(monkeypatch)
    with pytest.raises(tasks.CommandEnded, match="exit code 2"):
        tasks.run("--help", "items", env="--help")


def test_beat_reads_lines_of_cron(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "beat"
    file.write_text("# the nightly ones\n*/15 * * * * acme products\n30 3 * * 1 acme stock staging\n")
    tasks = configured(monkeypatch, BEAT=str(file))
    first, second = tasks.app.conf.beat_schedule.values()
    assert (first["task"], first["args"], first["kwargs"]) == ("tui_connector.run", ("acme", "products"), {})
    assert sorted(first["schedule"].minute) == [0, 15, 30, 45]
    assert second["kwargs"] == {"env": "staging"}
    file.write_text("*/15 * * * acme products\n")
    with pytest.raises(UserError, match="line 1"):
        configured(monkeypatch, BEAT=str(file))


def test_without_celery_the_extra_is_named(clean_environment: dict[str, str]) -> None:
    code = "import sys; sys.modules['celery'] = None\nimport tui_connector.celery"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install -e '.[celery]'" in done.stderr


def test_a_worker_of_partitions_that_could_send_two_batches_at_once_does_not_start(
    clean_environment: dict[str, str],
) -> None:
    words = [sys.executable, "-m", "celery", "-A", "tui_connector.celery", "worker", "-c", "2"]
    environment = {**clean_environment, "TUI_CONNECTOR_QUEUES": "acme/stock:2"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "start this worker with -c 1" in done.stderr
