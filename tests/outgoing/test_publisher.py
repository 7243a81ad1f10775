"""Entities are sent once each, in requests of their own or in batches, in order for each identifier."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from http_server import reply
from profiles import TOKEN
from runs import BEARER
from sending import OK, Outbox, Sent, counted, rows, storing

from tui_connector.client.message import Request
from tui_connector.machine import Machine
from tui_connector.outgoing.run_environment import OutgoingOptions
from tui_connector.sandbox.server import Sandbox


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


@pytest.mark.parametrize(("keep", "kept"), [("failed", {"BAD"}), ("all", {"A", "BAD"}), ("none", set())])
async def test_entities_are_kept_as_configured(tmp_path: Path, machine: Machine, keep: str, kept: set[str]) -> None:
    def answer(sent: Sent) -> bytes:
        return reply("400 Bad Request", b"{}") if sent.rows[0]["sku"] == "BAD" else OK

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows("A", "BAD"))
        await outbox.run(keep=keep)
    assert {task.identifier for task in outbox.tasks() if task.entity is not None} == kept
    assert outbox.ledger.read_bytes().count(b'"quantity"') == len(kept), "nothing is left in free pages"
    assert outbox.ledger.stat().st_mode & 0o777 == 0o600


async def test_stock_from_a_csv_is_in_the_store_afterwards(tmp_path: Path, machine: Machine, sandbox: Sandbox) -> None:
    integrations = sandbox.description()["integrations"]
    assert isinstance(integrations, dict)
    outbox = Outbox(tmp_path, machine, sandbox.url, client={"authentications": ["a"]})
    outbox.bench.vault.hold(TOKEN, integrations["full"]["access_token"], sandbox.url)
    sandbox.change(BEARER)
    lines = [f"{100 + number},24-MB{number:02},default,1" for number in range(1, 41)]
    (tmp_path / "stock.csv").write_text("\n".join(["quantity,sku,source_code,status", *lines]))
    source = {"kind": "csv", "path": "stock.csv", "columns": {"quantity": "number", "status": "integer"}}
    request = {"method": "post", "uri": "inventory/source-items", "parameters": {"sourceItems": "&{@}"}}
    summary = await outbox.run(source=source, request=request, batch=20)
    assert (counted(summary), summary.requests) == ({"finished": 40}, 2)
    saved = outbox.profile({})
    async with outbox.bench.session(saved) as session:
        found = await session.client("shop")(Request("GET", "inventory/source-items?searchCriteria[pageSize]=2000"))
    stored = {item["sku"]: item["quantity"] for item in json.loads(found.body)["items"]}
    assert {sku: stored[sku] for sku in (line.split(",")[1] for line in lines)} == {
        f"24-MB{number:02}": 100 + number for number in range(1, 41)
    }
