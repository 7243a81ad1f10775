"""Entities that the store queues, in runs that are stopped, killed or cut off while they wait."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from compared_store import connected, preset
from queueing_store import QueueingStore, posts, queueing, reasons, sku
from runs import BEARER
from sending import Outbox, Sent, counted, rows, storing, with_sleep
from sending_folder import SendingFolder, kill_until_done

from tui_connector.client.model import RequestTemplate
from tui_connector.machine import Machine
from tui_connector.outgoing.changes import EntityAction, EntityChange
from tui_connector.outgoing.run import OutgoingRun
from tui_connector.outgoing.store_queue import StoreQueue
from tui_connector.sandbox.server import Sandbox, SandboxOptions

SINGLE = 'request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }\n'
ONE_ROW = RequestTemplate(method="post", uri="inventory/source-items", parameters={"sourceItems": ["&{@}"]})


async def test_a_run_that_is_stopped_while_waiting_resumes_without_sending_again(
    tmp_path: Path, machine: Machine
) -> None:
    queue = QueueingStore(lambda item: {"status": 4})
    async with queueing(tmp_path, machine, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        running: list[OutgoingRun] = []
        waiting = asyncio.Event()
        outbox.told.at = lambda progress: waiting.set() if running[0].counts.get("waiting") == 2 else None
        execution = asyncio.create_task(outbox.run(on_run=running.append))
        async with asyncio.timeout(20):
            await store.until(4)  # permission, bulk, and two looks at it
            await waiting.wait()
        assert outbox.states() == {"A": "waiting", "B": "waiting"}
        running[0].stop("Stopped by the test")
        async with asyncio.timeout(20):
            assert (await execution).state == "stopped"
        queue.operation = lambda item: {"status": 1}
        summary = await outbox.run()
        assert counted(summary) == {"finished": 2}
        assert summary.requests == len(store.sent), "with those of the part that was stopped"
        assert len(posts(store)) == 1
    assert [task.attempts for task in outbox.tasks()] == [1, 1]


@pytest.mark.parametrize("executes", [True, False])
async def test_a_request_lost_before_its_acceptance_was_recorded_is_looked_for_and_never_queued_twice(
    tmp_path: Path, machine: Machine, executes: bool
) -> None:
    """The queue may execute it late: that the store does not have the values yet proves nothing."""
    quick, waited = with_sleep(machine)
    stored: set[str] = set()
    queue = QueueingStore()

    async def compare(entities: Any) -> Any:
        if executes and sum(waited) > 5:
            stored.update(each["rows"]["sku"] for items in queue.bulks.values() for each in items)
        actions: list[EntityAction] = ["unchanged" if each["sku"] in stored else "change" for each in entities]
        return [EntityChange("", action, (), None) for action in actions]

    def answer(sent: Sent) -> bytes | None:
        accepted = queue.answer(sent)
        return None if sent.method == "POST" else accepted

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, quick, store.server.url, {"delivery": "bulk"}, compare=compare)
        outbox.write(*rows("A", "B"))
        summary = await outbox.run()
    assert counted(summary) == {"finished" if executes else "unknown": 2}
    assert len(posts(store)) == 1
    if not executes:
        assert all("it may still be in the store's queue" in reason for reason in reasons(outbox).values())


async def test_a_bulk_that_is_accepted_when_the_queue_has_just_been_emptied_is_followed_too(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last operation has ended, and the end of following is not noticed yet, when another bulk is accepted."""
    emptied, added = asyncio.Event(), asyncio.Event()
    follow, add = StoreQueue.follow, StoreQueue.add

    async def slowly(queue: StoreQueue[Any]) -> None:
        await follow(queue)
        emptied.set()
        await added.wait()

    def remember(queue: StoreQueue[Any], uuid: str, operations: dict[int, Any]) -> None:
        add(queue, uuid, operations)
        if emptied.is_set():
            added.set()

    monkeypatch.setattr(StoreQueue, "follow", slowly)
    monkeypatch.setattr(StoreQueue, "add", remember)
    queue = QueueingStore()

    async def answer(sent: Sent) -> bytes:
        if sent.method == "POST" and queue.bulks:
            await emptied.wait()
        return queue.answer(sent)

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"delivery": "async"})
        outbox.write(*rows("A", "B"))
        assert counted(await asyncio.wait_for(outbox.run(), 60)) == {"finished": 2}


@pytest.mark.parametrize(("mode", "entities", "most"), [("bulk", 400, 8), ("async", 40, 30)])
async def test_a_run_killed_while_its_requests_are_queued_sends_none_of_them_twice(
    tmp_path: Path, clean_environment: dict[str, str], mode: str, entities: int, most: int
) -> None:
    looks = itertools.count()
    is_open = True

    def status() -> None:
        nonlocal is_open
        is_open = next(looks) % 3 == 0

    queue = QueueingStore(lambda item: {"status": 4 if is_open else 1}, status=status)

    async def slowly(sent: Sent) -> bytes:
        await asyncio.sleep(0.01)
        return queue.answer(sent)

    skus = [f"S{number}" for number in range(entities)]
    async with storing(slowly) as store:
        folder = SendingFolder(tmp_path / "killed", clean_environment)
        folder.write(store, f'delivery = "{mode}"\n{SINGLE}', skus)
        await kill_until_done(folder, store, random.Random(entities), most)
    states = folder.states()
    times = Counter(sku(item) for items in queue.bulks.values() for item in items)
    assert set(states) == set(skus)
    assert set(states.values()) <= {"finished", "unknown"}
    assert set(times.values()) == {1}
    assert {each for each, state in states.items() if state == "finished"} <= set(times)
    assert set(skus) - set(times) <= {each for each, state in states.items() if state == "unknown"}


async def test_what_a_killed_consumer_left_undone_is_sent_again(tmp_path: Path, machine: Machine) -> None:
    """Its operation stays open for ever; the comparison finds the old value in the store."""
    began = datetime(2026, 11, 29, tzinfo=UTC)
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        if passed < 3 <= passed + seconds:
            sandbox.change({"sandbox/queue_seconds": "off"})
            sandbox.change({"sandbox/queue_seconds": "1"})
        passed += seconds
        await asyncio.sleep(0)

    clocked = replace(machine, sleep=sleep, monotonic=lambda: passed)
    options = SandboxOptions(products=60, settings={**BEARER, "sandbox/queue_seconds": "1"})
    sandbox = Sandbox(options, lambda: began + timedelta(seconds=passed))
    async with sandbox, connected(sandbox, clocked, tmp_path) as store:
        stock = preset("stock", delivery="bulk", batch=1).model_copy(update={"request": ONE_ROW})
        sent = [
            {"sku": f"SYNC-000{number}", "source_code": "default", "quantity": 90 + number, "status": 1}
            for number in range(1, 8)
        ]
        assert counted(await store.run(stock, sent)) == {"finished": 7}
        assert Counter(task.attempts for task in store.tasks()) == {1: 6, 2: 1}
        assert await store.actions(stock, sent) == ["unchanged"] * 7
