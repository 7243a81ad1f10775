"""Entities that the store queues: asynchronous and bulk requests, and what their operations report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from http_server import reply
from queueing_store import ACCEPTED, QueueingStore, posts, queued, queueing, reasons, sku
from sending import counted, rows, with_sleep

from tui_connector.client.model import RequestTemplate
from tui_connector.machine import Machine

ASYNC, BULK = "/rest/all/async/V1/rows", "/rest/all/async/bulk/V1/rows"
SINGLE = 'request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }\n'
ONE_ROW = RequestTemplate(method="post", uri="inventory/source-items", parameters={"sourceItems": ["&{@}"]})
DEADLOCK = "Deadlock found when trying to get lock"


async def test_a_bulk_is_one_request_whose_operations_are_the_tasks(tmp_path: Path, machine: Machine) -> None:
    def operation(item: dict[str, Any]) -> dict[str, Any]:
        return {"status": 3, "result_message": "Wrong"} if sku(item) == "B" else {"status": 1}

    async with queueing(tmp_path, machine, QueueingStore(operation)) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        summary = await outbox.run()
    assert counted(summary) == {"finished": 2, "failed": 1}
    assert reasons(outbox) == {"B": "failed: Wrong"}
    [sent] = posts(store)
    assert sent.path == BULK
    assert [sku(item) for item in sent.body] == ["A", "B", "C"]
    [failed] = outbox.tasks("failed")
    assert isinstance(failed.responses, dict)
    assert '"status": 3' in str(failed.responses[""])


async def test_an_asynchronous_request_is_followed_like_a_bulk_of_one(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore(), delivery="async") as (store, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"finished": 2}
    assert sorted((sent.path, sku(sent.body)) for sent in posts(store)) == [(ASYNC, "A"), (ASYNC, "B")]


async def test_an_operation_contains_a_batch_and_a_refused_one_is_halved(tmp_path: Path, machine: Machine) -> None:
    def operation(item: dict[str, Any]) -> dict[str, Any]:
        bad = any(row["sku"] == "S5" for row in item["rows"])
        return {"status": 3, "result_message": "Source does not exist"} if bad else {"status": 1}

    async with queueing(tmp_path, machine, QueueingStore(operation), batch=4) as (store, outbox):
        outbox.write(*rows(*(f"S{number}" for number in range(10))))
        assert counted(await outbox.run()) == {"finished": 9, "failed": 1}
    assert reasons(outbox) == {"S5": "failed: Source does not exist"}
    assert [len(item["rows"]) for item in posts(store)[0].body] == [4, 4, 2]


async def test_a_bulk_that_is_refused_as_a_whole_is_halved_down_to_the_entity_at_fault(
    tmp_path: Path, machine: Machine
) -> None:
    def accepted(items: list[Any]) -> bytes | None:
        bad = any(sku(item) == "S6" for item in items)
        return reply("400 Bad Request", b'{"message": "The \\"abc\\" value\'s type is invalid"}') if bad else None

    queue = QueueingStore(accepted=accepted)
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows(*(f"S{number}" for number in range(9))))
        assert counted(await outbox.run()) == {"finished": 8, "failed": 1}
    assert "value's type is invalid" in reasons(outbox)["S6"]
    assert sorted(sku(item) for items in queue.bulks.values() for item in items) == [
        f"S{number}" for number in range(9) if number != 6
    ]


async def test_retriable_operations_are_sent_again(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    failures = {"A": {"status": 2, "result_message": DEADLOCK}, "B": {"status": 3, "result_message": DEADLOCK}}
    queue = QueueingStore(
        lambda item: failures.get(sku(item), {"status": 1}) if len(queue.bulks) == 1 else {"status": 1}
    )
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        assert counted(await outbox.run()) == {"finished": 3}
    first, second = posts(store)
    assert [sku(item) for item in second.body] == ["A", "B"]
    assert len(first.body) == 3
    assert [task.attempts for task in outbox.tasks()] == [2, 2, 1]


async def test_an_operation_that_is_always_retriable_fails_in_the_end(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 2 if sku(item) == "BAD" else 1, "result_message": "Lock"})
    async with queueing(tmp_path, quick, queue) as (_, outbox):
        outbox.write(*rows("A", "BAD", "C"))
        assert counted(await outbox.run()) == {"finished": 2, "failed": 1}
    assert reasons(outbox)["BAD"].startswith("failed: Lock; it was sent ")


@pytest.mark.parametrize(
    ("items", "states"),
    [
        ([0, 2], {"A": "finished", "B": "failed", "C": "finished"}),
        ([0, 1], {"A": "unknown", "B": "unknown", "C": "unknown"}),  # the last, or numbered anew
        ([], {"A": "failed", "B": "failed", "C": "failed"}),
    ],
)
async def test_items_that_the_queue_drops_are_noticed(
    tmp_path: Path, machine: Machine, items: list[int], states: dict[str, str]
) -> None:
    queue = QueueingStore()

    def accepted(sent: list[Any]) -> bytes:
        uuid = "00000000-0000-0000-0000-000000000000"
        queue.bulks[uuid] = sent
        return queued({"bulk_uuid": uuid, "request_items": [{"id": each, **ACCEPTED} for each in items]})

    queue.accepted = accepted
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B", "C"))
        await outbox.run()
    assert outbox.states() == states


async def test_a_rejected_item_has_its_reason(tmp_path: Path, machine: Machine) -> None:
    queue = QueueingStore()

    def accepted(sent: list[Any]) -> bytes:
        uuid = "00000000-0000-0000-0000-000000000000"
        queue.bulks[uuid] = sent
        rejected = {"id": 1, "status": "rejected", "error_message": "Not this one"}
        return queued({"bulk_uuid": uuid, "request_items": [{"id": 0, **ACCEPTED}, rejected], "errors": True})

    queue.accepted = accepted
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"finished": 1, "failed": 1}
    assert reasons(outbox) == {"B": "failed: Not this one"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"bulk_uuid": null, "request_items": []}', b"<html>"])
async def test_an_acceptance_that_names_no_bulk_leaves_the_tasks_unknown(
    tmp_path: Path, machine: Machine, body: bytes
) -> None:
    queue = QueueingStore(accepted=lambda items: reply("202 Accepted", body))
    async with queueing(tmp_path, machine, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        await outbox.run()
    assert set(outbox.states().values()) <= {"unknown", "failed"}
    assert len(posts(store)) == 1


async def test_a_bulk_that_the_store_has_forgotten_leaves_its_tasks_unknown(tmp_path: Path, machine: Machine) -> None:
    queue = QueueingStore(forgets=lambda items: True)
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"unknown": 2}
    assert "does not say what became of bulk" in reasons(outbox)["A"]


async def test_a_store_in_maintenance_is_waited_for_while_results_are_read(tmp_path: Path, machine: Machine) -> None:
    quick, waited = with_sleep(machine)
    down = [reply("503 Service Unavailable", b"{}", "Retry-After: 17"), reply("500 Internal Server Error", b"{}")]
    queue = QueueingStore(status=lambda: down.pop(0) if down else None)
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"finished": 1}
    assert 17 in waited
    assert len(posts(store)) == 1


async def test_without_a_consumer_the_run_stops_and_says_so(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4})
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        summary = await outbox.run()
        assert (summary.state, summary.code) == ("stopped", "queue-standstill")
        assert "Is its consumer running?" in summary.reason
        assert counted(summary) == {"waiting": 2}
        assert any("Is its consumer running?" in note for note in outbox.told.notes)
        assert "is its consumer running?" in reasons(outbox)["B"]

        queue.operation = lambda item: {"status": 1}
        summary = await outbox.run()
        assert counted(summary) == {"finished": 2}
        assert "2 tasks wait in the store's queue." in outbox.told.notes
        assert len(posts(store)) == 1


async def test_an_operation_that_later_ones_have_overtaken_is_unknown(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4 if sku(item) == "B" else 1})
    async with queueing(tmp_path, quick, queue) as (_, outbox):
        outbox.write(*rows("A", "B", "C"))
        summary = await outbox.run()
    assert summary.state == "complete"
    assert counted(summary) == {"finished": 2, "unknown": 1}
    assert "still open, although later ones have ended" in reasons(outbox)["B"]


async def test_an_overtaken_operation_is_sent_again_if_that_does_no_harm(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4 if sku(item) == "B" and len(queue.bulks) == 1 else 1})
    async with queueing(tmp_path, quick, queue, repeatable=True) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        assert counted(await outbox.run()) == {"finished": 3}
    assert [sku(item) for item in posts(store)[1].body] == ["B"]
