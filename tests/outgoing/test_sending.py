"""Entities are sent once each, in requests of their own or in batches, in order for each identifier."""

from __future__ import annotations

import asyncio
from pathlib import Path

from http_server import reply
from sending import Outbox, Sent, counted, rows, storing

from tui_connector.machine import Machine
from tui_connector.outgoing.run import OutgoingOptions


async def test_each_entity_is_sent_once_and_accounted_for(tmp_path: Path, machine: Machine) -> None:
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(50))))
        summary = await outbox.run()
    assert counted(summary) == {"finished": 50}
    assert (summary.state, summary.requests) == ("complete", 50)
    assert sorted(store.skus()) == sorted(f"S{number}" for number in range(50))
    assert {task.entity for task in outbox.tasks()} == {None}, "entities of finished tasks are not kept"


async def test_batches_share_a_request(tmp_path: Path, machine: Machine) -> None:
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(50))))
        summary = await outbox.run(batch=20)
    assert [len(sent.rows) for sent in store.sent] == [20, 20, 10]
    assert counted(summary) == {"finished": 50}


async def test_two_entities_with_one_identifier_keep_their_order(tmp_path: Path, machine: Machine) -> None:
    flying: set[str] = set()

    async def answer(sent: Sent) -> bytes:
        skus = {row["sku"].lower() for row in sent.rows}
        assert not skus & flying
        flying.update(skus)
        await asyncio.sleep(0.005)
        flying.difference_update(skus)
        return reply("200 OK", b"[]")

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*({"sku": sku, "quantity": n} for n in range(10) for sku in ("A", "b" if n % 2 else "B", "C")))
        for batch in (1, 4):
            store.sent.clear()
            summary = await outbox.run(OutgoingOptions(in_flight=8), batch=batch)
            assert counted(summary) == {"finished": 30}
            for sku in "ABC":
                arrived = [r["quantity"] for sent in store.sent for r in sent.rows if r["sku"].upper() == sku]
                assert arrived == list(range(10))


async def test_a_refused_batch_is_halved_down_to_the_entity_at_fault(tmp_path: Path, machine: Machine) -> None:
    def answer(sent: Sent) -> bytes:
        if any(row["sku"] == "BAD" for row in sent.rows):
            return reply("400 Bad Request", b'{"message": "Could not save Source Item"}')
        return reply("200 OK", b"[]")

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(10)), "BAD", *(f"T{number}" for number in range(9))))
        summary = await outbox.run(batch=20)
    assert counted(summary) == {"finished": 19, "failed": 1}
    assert len(store.sent) <= 11
    [failed] = outbox.tasks("failed")
    assert (failed.line, failed.identifier, failed.code) == (11, "BAD", "status-400")
    assert "Could not save Source Item" in failed.reason
    assert failed.entity == {"sku": "BAD", "quantity": 1}, "kept, so that it can be corrected and sent again"
    assert [record.record for record in outbox.told.records] == ["line 11 (BAD)"]
