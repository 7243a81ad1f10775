"""`plan`, `run --slice` and `commit` of an outgoing: what arrives, in which order, and what `tasks` and undo know."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fork_server
import pytest
from http_server import Hold, reply
from sending import OK, Sent, Store, storing

from tui_connector.outgoing.task_ledger import TaskLedger

PROFILE = """
format = 1
name = "Acme store"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[outgoing.stock]
client = "shop"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number" } }
identifier = "sku"
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
"""
RUN = ("stock", "--run-id", "r1")


class Slices:
    """The program, with a profile that has an outgoing, and a source of forty entities."""

    def __init__(self, folder: Path, environment: dict[str, str], store: Store) -> None:
        self.folder, self.environment, self.store = folder, environment, store
        self.profile = folder / "shop.toml"
        self.profile.write_text(PROFILE.replace("URL", store.server.url))
        self.write([f"S{number % 10},{number}" for number in range(40)])

    def write(self, lines: list[str]) -> None:
        (self.folder / "stock.csv").write_text("\n".join(["sku,quantity", *lines]) + "\n")

    async def start(self, command: str, *words: str) -> fork_server.AsyncProcess:
        pipe = asyncio.subprocess.PIPE
        trust = [] if command == "tasks" else ["--trust"]
        return await fork_server.start(
            command, self.profile, *words, *trust, env=self.environment, stdout=pipe, stderr=pipe
        )

    async def __call__(self, command: str, *words: str) -> tuple[int | None, str, str]:
        process = await self.start(command, *words)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def plan(self, number: int = 3) -> dict[str, Any]:
        code, out, err = await self("plan", *RUN, "--slices", str(number), "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    async def send(self, *numbers: int) -> list[int | None]:
        return [(await self("run", *RUN, "--slice", str(number)))[0] for number in numbers]

    def arrived(self) -> Counter[tuple[str, float]]:
        return Counter((row["sku"], row["quantity"]) for sent in self.store.sent for row in sent.rows)

    @property
    def shared(self) -> Path:
        return Path(self.environment["XDG_STATE_HOME"]) / "tui-connector" / "slices" / "r1"


@pytest.fixture
async def slices(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Slices]:
    async with storing() as store:
        yield Slices(tmp_path, clean_environment, store)


async def test_each_task_is_in_one_slice_and_those_of_one_identifier_in_the_same(slices: Slices) -> None:
    code, _, err = await slices("plan", "stock")
    assert (code, f"To see what sending would change: tui-connector run {slices.profile} stock --plan" in err) == (
        2,
        True,
    ), err
    plan = await slices.plan()
    assert slices.store.sent == []
    assert (plan["sends"], plan["field"], plan["expected"]) == (True, "sku", 40)
    where: dict[str, set[int]] = {}
    for number in range(3):
        slices.store.sent.clear()
        assert await slices.send(number) == [0]
        for sku, _ in slices.arrived():
            where.setdefault(sku, set()).add(number)
    assert {len(numbers) for numbers in where.values()} == {1}
    assert len(where) == 10


async def test_the_order_of_each_identifier_is_that_of_the_source(slices: Slices) -> None:
    await slices.plan()
    processes = [await slices.start("run", *RUN, "--slice", str(number)) for number in range(3)]
    await asyncio.gather(*(each.communicate() for each in processes))
    assert [each.returncode for each in processes] == [0, 0, 0]
    for sku in {row["sku"] for sent in slices.store.sent for row in sent.rows}:
        quantities = [row["quantity"] for sent in slices.store.sent for row in sent.rows if row["sku"] == sku]
        assert quantities == sorted(quantities)
        assert len(quantities) == 4


async def test_a_commit_gathers_the_tasks_as_of_one_run(slices: Slices) -> None:
    def refuses(sent: Sent) -> bytes:
        if sent.rows[0]["sku"] == "S7":
            return reply("400 Bad Request", b'{"message": "no such product"}')
        return OK

    slices.store.answer = refuses
    await slices.plan()
    code, _, err = await slices("commit", *RUN)
    assert (code, "(not done: 0, 1, 2)" in err) == (4, True)
    assert await slices.send(2, 0, 1) == [0, 0, 0]
    code, _, err = await slices("commit", *RUN)
    assert code == 1
    assert err.startswith("stock: 36 finished, 4 failed in ")
    code, out, _ = await slices("tasks", "stock", "--json")
    tasks = [json.loads(line) for line in out.splitlines()]
    assert [task["line"] for task in tasks if "line" in task] == list(range(2, 42))
    assert {task["identifier"] for task in tasks if task.get("state") == "failed"} == {"S7"}
    assert not list(slices.shared.glob("tasks-*"))
    # as after an ordinary run: those that failed can be sent again
    assert (await slices("tasks", "stock", "retry"))[0] == 0
    slices.store.answer = lambda sent: OK
    slices.store.sent.clear()
    assert (await slices("run", "stock"))[0] == 0
    assert set(slices.arrived()) == {("S7", number) for number in (7, 17, 27, 37)}


async def test_a_slice_waits_for_a_store_that_another_one_has_reached(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    async with storing() as store:
        slices = Slices(tmp_path, clean_environment, store)
        slices.profile.write_text(f'{slices.profile.read_text()}patience = "1s"\n')
        await slices.plan()
        assert await slices.send(0) == [0]
    code, _, err = await slices("run", *RUN, "--slice", "1")
    assert code == 4
    assert "the outgoing's patience is 1 s" in err


async def test_repeating_changes_nothing(slices: Slices) -> None:
    plan = await slices.plan(2)
    assert await slices.send(0, 1, 0, 1) == [0, 0, 0, 0]
    slices.write(["other,1"])
    assert await slices.plan(2) == plan
    assert set(slices.arrived().values()) == {1}
    assert [(await slices("commit", *RUN))[0] for _ in range(2)] == [0, 0]
    assert await slices.send(0) == [0]
    assert len(slices.arrived()) == 40
    assert (await slices("tasks", "stock", "--json"))[1].count('"finished"') >= 40


async def test_a_killed_slice_resumes_and_sends_nothing_again_that_arrived(slices: Slices) -> None:
    hold = Hold()

    async def holds(sent: Sent) -> bytes:
        if len(slices.store.sent) > 15:
            await hold.wait()
        return OK

    slices.store.answer = holds
    await slices.plan(1)
    process = await slices.start("run", *RUN, "--slice", "0")
    await hold.reached()
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    slices.store.answer = lambda sent: OK
    hold.release()
    assert await slices.send(0) == [0]
    assert set(slices.arrived().values()) == {1}
    code, _, err = await slices("commit", *RUN)
    assert code == 1  # what was being sent may or may not have arrived
    assert " unknown" in err


async def test_two_processes_do_not_send_one_slice_at_the_same_time(slices: Slices) -> None:
    hold = Hold()

    async def holds(sent: Sent) -> bytes:
        await hold.wait()
        return OK

    slices.store.answer = holds
    await slices.plan(1)
    process = await slices.start("run", *RUN, "--slice", "0")
    await hold.reached()
    code, _, err = await slices("run", *RUN, "--slice", "0")
    assert (code, "already being sent" in err) == (4, True)
    hold.release()
    await process.communicate()
    assert process.returncode == 0
    assert set(slices.arrived().values()) == {1}


async def test_a_changed_configuration_is_refused(slices: Slices) -> None:
    await slices.plan(1)
    slices.profile.write_text(slices.profile.read_text().replace('uri = "rows"', 'uri = "others"'))
    for command in (("run", *RUN, "--slice", "0"), ("commit", *RUN)):
        code, _, err = await slices(*command)
        assert (code, "the configuration has changed" in err) == (2, True)
    assert slices.store.sent == []


async def test_a_store_in_production_is_sent_nothing_without_consent(slices: Slices) -> None:
    slices.profile.write_text(slices.profile.read_text().replace("[clients.shop]", "[clients.shop]\nproduction = true"))
    await slices.plan(1)
    code, _, err = await slices("run", *RUN, "--slice", "0")
    assert (code, "--yes-production" in err) == (2, True)
    assert (await slices("run", *RUN, "--slice", "0", "--yes-production"))[0] == 0


async def test_tasks_that_were_not_sent_are_not_left_behind_by_a_plan(slices: Slices) -> None:
    slices.store.answer = lambda sent: reply("401 Unauthorized", b'{"message": "no"}')
    assert (await slices("run", "stock"))[0] == 3
    code, _, err = await slices("plan", *RUN, "--slices", "2")
    assert (code, "is not complete" in err) == (2, True)
    assert (await slices("plan", *RUN, "--slices", "2", "--full"))[0] == 0


async def test_what_is_appended_within_a_day_is_one_run(slices: Slices) -> None:
    day = datetime.now(UTC).date()
    for run_id in ("a", "b"):
        run = ("stock", "--run-id", run_id)
        assert (await slices("plan", *run, "--slices", "1"))[0] == 0
        assert (await slices("run", *run, "--slice", "0"))[0] == 0
        code, _, err = await slices("commit", *run, "--append")
        assert (code, err.startswith("stock: 40 finished in ")) == (0, True), err
    found = [json.loads(line) for line in (await slices("tasks", "stock", "--json"))[1].splitlines()]
    lines = [task["line"] for task in found if "line" in task]
    assert len(lines) == len(set(lines))
    assert len(lines) == 80 or datetime.now(UTC).date() != day
    assert (await slices("commit", "stock", "--run-id", "b", "--append"))[0] == 0


def test_a_ledger_of_an_earlier_version_is_updated(tmp_path: Path) -> None:
    file = tmp_path / "stock.sqlite"
    TaskLedger(file).close()
    with closing(sqlite3.connect(file)) as database:
        database.executescript("drop table added; pragma user_version = 1")
    with TaskLedger(file) as ledger:
        assert ledger.sent_in("r1") is None
